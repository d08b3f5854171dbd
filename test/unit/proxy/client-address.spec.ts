import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { clientAddress } from '../../../lib/proxy/client-address.js';
import type { RawRequest } from '../../../lib/proxy/proxy-trust.js';
import { compileTrust } from '../../../lib/proxy/proxy-trust.js';
import { SessionConfigurationError } from '../../../lib/session.errors.js';

function rawRequest(remoteAddress: string | undefined, forwardedFor?: string | string[]): RawRequest {
  return { headers: { 'x-forwarded-for': forwardedFor }, socket: { remoteAddress } };
}

describe('clientAddress without trustProxy', () => {
  const raw = rawRequest('127.0.0.1', '198.51.100.1');

  it("is the adapter's own", () => {
    expect(clientAddress({ ip: '203.0.113.9' }, raw)).toBe('203.0.113.9');
  });

  it('finds an adapter that answers with a getter on the prototype', () => {
    class AdapterRequest {
      get ip() {
        return '203.0.113.9';
      }
    }
    expect(clientAddress(new AdapterRequest(), raw)).toBe('203.0.113.9');
  });

  it('never falls back to the socket when the adapter does not know', () => {
    expect(() => clientAddress({ ip: undefined }, raw)).toThrow('set `trustProxy` to a hop count');
    expect(clientAddress({ ip: '' }, raw)).toBe('');
  });

  it.each([
    ['a bare Node request', raw],
    ['one without a socket', { headers: {} }],
    ['one whose socket is gone', { headers: {}, socket: null }],
  ])('cannot be told for %s: the peer may be a proxy', (_kind, request) => {
    expect(() => clientAddress({}, request)).toThrow('0 where no proxy stands before the server');
  });
});

describe('clientAddress with trustProxy', () => {
  const adapter = { ip: '192.0.2.77' };
  const chain = '203.0.113.9, 10.0.0.2';

  it.each([
    ['nobody', 0, '10.0.0.1'],
    ['one hop', 1, '10.0.0.2'],
    ['two hops', 2, '203.0.113.9'],
    ['more hops than there are', 9, '203.0.113.9'],
    ['a range', '10.0.0.0/8', '203.0.113.9'],
    ['one proxy of two', ['10.0.0.1'], '10.0.0.2'],
    ['somebody else', ['loopback'], '10.0.0.1'],
    ['everybody', true, '203.0.113.9'],
  ] as const)('trusting %s finds its way through X-Forwarded-For', (_who, trustProxy, address) => {
    expect(clientAddress(adapter, rawRequest('10.0.0.1', chain), compileTrust(trustProxy))).toBe(address);
  });

  it('a client that connects directly cannot choose its address', () => {
    const trust = compileTrust(['10.0.0.0/8']);
    expect(clientAddress(adapter, rawRequest('203.0.113.9', '198.51.100.1'), trust)).toBe('203.0.113.9');
  });

  it('a client cannot prepend an address behind a trusted proxy', () => {
    const trust = compileTrust(['10.0.0.0/8']);
    expect(clientAddress(adapter, rawRequest('10.0.0.1', '198.51.100.1, 203.0.113.9'), trust)).toBe('203.0.113.9');
  });

  it('goes past a trusted proxy that appends its port', () => {
    const trust = compileTrust(['10.0.0.0/8']);
    expect(clientAddress(adapter, rawRequest('10.0.0.1', '203.0.113.9:5123, 10.0.0.2:443'), trust)).toBe(
      '203.0.113.9:5123',
    );
  });

  it('hands on what a trusted proxy says, though it is no address', () => {
    expect(clientAddress(adapter, rawRequest('10.0.0.1', 'unknown'), compileTrust(1))).toBe('unknown');
  });

  it("is the proxy's own address when it forwarded none", () => {
    expect(clientAddress(adapter, rawRequest('10.0.0.1'), compileTrust(1))).toBe('10.0.0.1');
    expect(clientAddress(adapter, rawRequest('10.0.0.1', ' , ,'), compileTrust(1))).toBe('10.0.0.1');
  });

  it('reads a header that a fake request holds as a list', () => {
    expect(
      clientAddress(adapter, rawRequest('10.0.0.1', ['203.0.113.9', '10.0.0.2']), compileTrust('10.0.0.0/8')),
    ).toBe('203.0.113.9');
  });

  it('a proxy on a Unix socket, which has no address, counts as a hop but is on no list', () => {
    expect(clientAddress(adapter, rawRequest(undefined, '203.0.113.9'), compileTrust(1))).toBe('203.0.113.9');
    expect(() => clientAddress(adapter, rawRequest(undefined, '203.0.113.9'), compileTrust('loopback'))).toThrow(
      'write `trustProxy` as a hop count, such as 1',
    );
  });

  it('cannot be told where there is no socket', () => {
    expect(() => clientAddress(adapter, { headers: {} }, compileTrust(1))).toThrow(SessionConfigurationError);
    expect(() => clientAddress(adapter, { headers: {}, socket: null }, compileTrust('loopback'))).toThrow(
      SessionConfigurationError,
    );
  });

  it('reads an injected Fastify request', async () => {
    const app = Fastify();
    app.get('/', (request) => [
      clientAddress(request, request.raw),
      clientAddress(request, request.raw, compileTrust('loopback')),
    ]);
    const reply = await app.inject({ url: '/', headers: { 'x-forwarded-for': '203.0.113.9' } });
    expect(reply.json()).toEqual(['127.0.0.1', '203.0.113.9']);
  });

  it('reads an HTTP/2 request, and knows nothing once its connection is gone', async () => {
    const server = http2.createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    client.request({ ':path': '/', 'x-forwarded-for': '203.0.113.9' }).on('error', () => {});
    const [request] = (await once(server, 'request')) as [http2.Http2ServerRequest];
    const trust = compileTrust('loopback');
    expect(clientAddress({}, request, trust)).toBe('203.0.113.9');
    const closed = once(request.stream.session as http2.ServerHttp2Session, 'close');
    client.destroy();
    await closed;
    expect(() => clientAddress({}, request, trust)).toThrow(SessionConfigurationError);
    server.close();
  });
});
