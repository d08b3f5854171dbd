import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

/** The private part of Node that the library leans on. */
interface FormedHead {
  _header: string | null;
  _headerSent: boolean;
}

/** What every failure here says: no other test would tell why cookies are wrong on a new Node. */
const REASON = `Node ${process.version} forms heads in another way: lib/http/formed-head.ts leans on _header and _headerSent of ServerResponse`;

describe('the head that Node forms at writeHead', () => {
  let server: Server | undefined;

  afterEach(() => {
    server?.close();
    server = undefined;
  });

  /** One exchange over loopback: what the handler does with the response, and what the client receives. */
  async function exchange(handle: (response: ServerResponse & FormedHead) => void): Promise<IncomingMessage> {
    let failed: unknown;
    server = createServer((_request, response) => {
      try {
        handle(response as ServerResponse & FormedHead);
      } catch (error) {
        failed = error;
      }
      response.end('body');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const [answer] = (await once(get({ host: '127.0.0.1', port, agent: false }), 'response')) as [IncomingMessage];
    await once(answer.resume(), 'end');
    if (failed !== undefined) throw failed;
    return answer;
  }

  it('is not there before', async () => {
    await exchange((response) => {
      response.setHeader('Set-Cookie', 'session=old');
      expect(response._header, REASON).toBeNull();
    });
  });

  it('is a string that ends in an empty line, and holds each header as it was given', async () => {
    await exchange((response) => {
      response.setHeader('Set-Cookie', ['first=1', 'session=old']);
      response.writeHead(200);
      expect(response._header, REASON).toBeTypeOf('string');
      expect(response._header, REASON).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
      expect(response._header, REASON).toContain('\r\nSet-Cookie: first=1\r\nSet-Cookie: session=old\r\n');
      expect(response._header, REASON).toMatch(/[^\r\n]\r\n\r\n$/);
    });
  });

  it('has not been sent until the first byte of the body, and has been with it', async () => {
    let isSentWithIt: boolean | undefined;
    await exchange((response) => {
      response.writeHead(200);
      expect(response._headerSent, REASON).toBe(false);
      // Node 24.22 and later gather what is written in one tick.
      response.write('first', () => (isSentWithIt = response._headerSent));
    });
    expect(isSentWithIt, REASON).toBe(true);
  });

  it('is what the client receives, as it was changed meanwhile', async () => {
    const answer = await exchange((response) => {
      response.setHeader('Set-Cookie', 'session=old');
      response.writeHead(200);
      const changed = response._header?.replace('Set-Cookie: session=old\r\n', '');
      response._header = changed?.replace(/\r\n\r\n$/, '\r\nSet-Cookie: session=new\r\n\r\n') ?? null;
    });
    expect(answer.headers['set-cookie'], REASON).toEqual(['session=new']);
  });

  it('is what the client receives, as it was changed meanwhile, with flushHeaders too', async () => {
    const answer = await exchange((response) => {
      response.setHeader('Set-Cookie', 'session=old');
      response.writeHead(200);
      response._header = response._header?.replace('Set-Cookie: session=old\r\n', '') ?? null;
      response.flushHeaders();
      expect(response._headerSent, REASON).toBe(true);
    });
    expect(answer.headers['set-cookie'], REASON).toBeUndefined();
  });
});
