import { once } from 'node:events';
import { get, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';

import express, { type Express, type Request, type Response } from 'express';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { installResponseHook } from '../../../lib/http/install-response-hook.js';
import { SessionStoreError } from '../../../lib/session.errors.js';
import { FakeExchange } from '../../fixtures/fake-exchange.js';

type Next = () => void;

let app: Express;
let server: Server;
let exchange: FakeExchange;

beforeEach(async () => {
  exchange = new FakeExchange();
  exchange.lines = ['session=new'];
  exchange.save = async () => {};
  app = express();
  server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => void server.close());

async function ask(
  path = '/',
): Promise<{ readonly status: number | undefined; readonly cookies: unknown; readonly body: string }> {
  const { port } = server.address() as AddressInfo;
  const [message] = (await once(get({ host: '127.0.0.1', port, path, agent: false }), 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return { status: message.statusCode, cookies: message.headers['set-cookie'], body: Buffer.concat(chunks).toString() };
}

function install(_request: Request, response: Response, next: Next): void {
  installResponseHook(response, exchange);
  next();
}

function send(_request: Request, response: Response): void {
  response.send('body');
}

/** Another copy of Express, as npm installs it for a package that needs another version. */
function otherExpress(): typeof express {
  const require = createRequire(import.meta.url);
  const before = { ...require.cache };
  for (const path of Object.keys(before)) if (path.includes('/node_modules/express/')) delete require.cache[path];
  const other = require('express') as typeof express;
  Object.assign(require.cache, before);
  return other;
}

const SENT = { status: 200, cookies: ['session=new'], body: 'body' };

/** How a response gets from one application into another. */
const WAYS_INTO_ANOTHER: readonly [string, (inner: Express) => void][] = [
  ['mounted in it', (inner) => void app.use(inner)],
  ['that it calls', (inner) => void app.use((request, response, next) => void inner(request, response, next))],
];

describe('a response of Express', () => {
  it('is held with no method of its own', async () => {
    let own: string[] | undefined;
    app.use(install, (_request, response, next) => {
      own = ['writeHead', 'write', 'end', 'flushHeaders'].filter((name) => Object.hasOwn(response, name));
      next();
    });
    app.use(send);
    expect(await ask()).toEqual(SENT);
    expect([own, exchange.asked[0]]).toEqual([[], 'beforeHead']);
  });

  it('passes where it has no session', async () => {
    app.get('/session', install, send);
    app.use(send);
    expect(await ask('/session')).toEqual(SENT);
    exchange.asked.length = 0;
    expect(await ask()).toEqual({ ...SENT, cookies: undefined });
    expect(exchange.asked).toEqual([]);
  });

  it('gives way to the error of a save', async () => {
    exchange.save = () => Promise.reject(new SessionStoreError('down'));
    app.use(install, send);
    expect(await ask()).toMatchObject({ status: 503, cookies: undefined });
  });

  it.each(WAYS_INTO_ANOTHER)('keeps its hook on the way from it into an application %s', async (_how, add) => {
    const inner = express();
    app.use(install);
    add(inner);
    inner.use(send);
    expect(await ask()).toEqual(SENT);
  });

  it.each(WAYS_INTO_ANOTHER)('keeps its hook on the way back from an application %s', async (_how, add) => {
    const inner = express();
    inner.use(install);
    add(inner);
    app.use(send);
    expect(await ask()).toEqual(SENT);
  });

  it('keeps its hook in an application of another copy of Express', async () => {
    const inner = otherExpress()();
    expect(Object.getPrototypeOf(inner.response)).not.toBe(Object.getPrototypeOf(app.response));
    app.use(install, (request, response, next) => void inner(request, response, next));
    inner.use(send);
    expect(await ask()).toEqual(SENT);
  });

  it('stands before the methods that another library has put on what it inherits', async () => {
    const seen: string[] = [];
    const { end } = app.response as ServerResponse;
    app.response.end = function (this: Response, ...args: unknown[]) {
      seen.push(String(this.getHeader('set-cookie')));
      return end.apply(this, args as Parameters<typeof end>) as Response;
    } as Response['end'];
    app.use(install, send);
    expect(await ask()).toEqual(SENT);
    expect([seen, exchange.asked.filter((asked) => asked === 'beforeHead')]).toEqual([['session=new'], ['beforeHead']]);
  });

  it('stands before the methods that another library has put on it earlier, and asks once', async () => {
    const seen: string[] = [];
    app.use((_request, response, next) => {
      const { end } = response as ServerResponse;
      response.end = function (this: Response, ...args: unknown[]) {
        seen.push(String(this.getHeader('set-cookie')));
        return end.apply(this, args as Parameters<typeof end>) as Response;
      } as Response['end'];
      next();
    });
    app.use(install, send);
    expect(await ask()).toEqual(SENT);
    expect([seen, exchange.asked.filter((asked) => asked === 'beforeHead')]).toEqual([['session=new'], ['beforeHead']]);
  });

  it('is called by the methods that another library puts on it later', async () => {
    app.use(install, (_request, response, next) => {
      const { end } = response as ServerResponse;
      response.end = function (this: Response) {
        return end.call(this, 'other', 'utf8') as Response;
      } as Response['end'];
      response.removeHeader('Content-Length');
      next();
    });
    app.use((_request: Request, response: Response) => void response.end('body'));
    expect(await ask()).toEqual({ ...SENT, body: 'other' });
  });

  it('holds for two sessions', async () => {
    const second = new FakeExchange();
    second.lines = ['second=new'];
    app.use(install, (_request, response, next) => {
      installResponseHook(response, second);
      next();
    });
    app.use(send);
    expect(await ask()).toEqual({ ...SENT, cookies: ['session=new', 'second=new'] });
  });
});
