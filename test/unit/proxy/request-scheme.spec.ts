import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import type { RawRequest } from '../../../lib/proxy/proxy-trust.js';
import { isSecureRequest } from '../../../lib/proxy/request-scheme.js';
import { compileTrust } from '../../../lib/proxy/proxy-trust.js';

const http: RawRequest = { headers: {}, socket: { remoteAddress: '10.0.0.1' } };
const https: RawRequest = { headers: {}, socket: { remoteAddress: '10.0.0.1', encrypted: true } };

function forwarded(scheme: string | string[], encrypted = false, remoteAddress: string | undefined = '10.0.0.1') {
  return { headers: { 'x-forwarded-proto': scheme }, socket: { remoteAddress, encrypted } } satisfies RawRequest;
}

describe('isSecureRequest without trustProxy', () => {
  it("is the adapter's word, also against the socket's", () => {
    expect(isSecureRequest({ protocol: 'https' }, http)).toBe(true);
    expect(isSecureRequest({ protocol: 'http' }, http)).toBe(false);
    expect(isSecureRequest({ protocol: 'http' }, https)).toBe(false);
  });

  it("is the socket's word where there is no adapter, or it does not know", () => {
    expect(isSecureRequest({}, https)).toBe(true);
    expect(isSecureRequest({}, http)).toBe(false);
    expect(isSecureRequest({ protocol: undefined }, https)).toBe(true);
  });

  it('X-Forwarded-Proto is not believed', () => {
    expect(isSecureRequest({}, forwarded('https'))).toBe(false);
    expect(isSecureRequest({ protocol: 'http' }, forwarded('https'))).toBe(false);
  });

  it('is false where there is no socket', () => {
    expect(isSecureRequest({}, { headers: {} })).toBe(false);
    expect(isSecureRequest({}, { headers: {}, socket: null })).toBe(false);
  });
});

describe('isSecureRequest with trustProxy', () => {
  const trust = compileTrust('10.0.0.0/8');

  it.each([
    ['https', true],
    ['HTTPS', true],
    [' https , http', true],
    ['http, https', false],
    ['wss', true],
    ['ws', false],
    ['httpsx', false],
    [['https', 'http'], true],
  ] as const)('X-Forwarded-Proto: %j from a trusted proxy', (scheme, secure) => {
    expect(isSecureRequest({ protocol: 'http' }, forwarded(scheme as string), trust)).toBe(secure);
  });

  it('a trusted proxy is believed also when its own connection is encrypted', () => {
    expect(isSecureRequest({}, forwarded('http', true), trust)).toBe(false);
  });

  it('anybody else is not believed, nor is the adapter asked', () => {
    expect(isSecureRequest({ protocol: 'https' }, forwarded('https', false, '203.0.113.9'), trust)).toBe(false);
    expect(isSecureRequest({ protocol: 'http' }, forwarded('http', true, '203.0.113.9'), trust)).toBe(true);
    expect(isSecureRequest({}, forwarded('https'), compileTrust(0))).toBe(false);
  });

  it("is the socket's word where the proxy says nothing", () => {
    expect(isSecureRequest({}, https, trust)).toBe(true);
    expect(isSecureRequest({}, http, trust)).toBe(false);
    expect(isSecureRequest({}, forwarded('', true), trust)).toBe(true);
  });

  it('a proxy on a Unix socket counts as a hop but is on no list', () => {
    const raw: RawRequest = { headers: { 'x-forwarded-proto': 'https' }, socket: {} };
    expect(isSecureRequest({}, raw, compileTrust(1))).toBe(true);
    expect(isSecureRequest({}, raw, trust)).toBe(false);
  });

  it('reads an injected Fastify request', async () => {
    const app = Fastify({ trustProxy: 'loopback' });
    app.get('/', (request) => [
      isSecureRequest(request, request.raw),
      isSecureRequest(request, request.raw, compileTrust('loopback')),
      isSecureRequest(request, request.raw, compileTrust('10.0.0.0/8')),
    ]);
    const reply = await app.inject({ url: '/', headers: { 'x-forwarded-proto': 'https' } });
    expect(reply.json()).toEqual([true, true, false]);
  });
});
