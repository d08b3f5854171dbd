import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { installResponseHook } from '../../../lib/http/install-response-hook.js';
import { SessionConflictError, SessionStoreError } from '../../../lib/session.errors.js';
import { FakeExchange } from '../../fixtures/fake-exchange.js';
import { Gate } from '../../fixtures/gate.js';

interface Received {
  readonly message: IncomingMessage;
  readonly body: string;
}

type Handler = (response: ServerResponse) => void;

let server: Server;
let handle: Handler;
let exchange: FakeExchange;
let gate: Gate;

beforeEach(async () => {
  exchange = new FakeExchange();
  gate = new Gate();
  server = createServer((_request, response) => {
    installResponseHook(response, exchange);
    handle(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterEach(() => void server.close());

async function ask(handler: Handler, method = 'GET'): Promise<Received> {
  handle = handler;
  const { port } = server.address() as AddressInfo;
  const outgoing = request({ host: '127.0.0.1', port, method, agent: false }).end();
  const [message] = (await once(outgoing, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return { message, body: Buffer.concat(chunks).toString() };
}

/** The ways in which an answer can be sent, each of them whole. */
const senders: [string, Handler][] = [
  ['end', (response) => void response.end('body')],
  ['write', (response) => (response.write('bo'), response.write('dy'), void response.end())],
  ['writeHead', (response) => void response.writeHead(200).end('body')],
  ['flushHeaders', (response) => (response.flushHeaders(), void response.end('body'))],
];

describe.each(senders)('an answer sent with %s', (_name, send) => {
  it('asks for what has to be done before its head once', async () => {
    const { body } = await ask(send);
    expect([body, exchange.asked.filter((asked) => asked === 'beforeHead')]).toEqual(['body', ['beforeHead']]);
  });

  it('lets no byte out until the save is done', async () => {
    exchange.save = () => gate.stop();
    let sent: number | undefined;
    const asking = ask((response) => {
      const { socket } = response;
      send(response);
      void gate.reached.then(() => {
        sent = socket?.bytesWritten;
        gate.open();
      });
    });
    expect([(await asking).body, sent]).toEqual(['body', 0]);
  });

  it('has the cookies that are known once the save has begun', async () => {
    exchange.save = async () => void (exchange.lines = ['session=new']);
    const { message } = await ask((response) => {
      response.setHeader('Set-Cookie', 'theirs=1');
      send(response);
    });
    expect(message.headers['set-cookie']).toEqual(['theirs=1', 'session=new']);
  });

  it('has other cookies, or none, where the save finds that out', async () => {
    exchange.lines = ['session=old', 'other=1'];
    exchange.save = async () => {
      await gate.stop();
      exchange.lines = ['session=new'];
    };
    void gate.reached.then(() => gate.open());
    expect((await ask(send)).message.headers['set-cookie']).toEqual(['session=new']);
    exchange = new FakeExchange();
    exchange.lines = ['session=old'];
    exchange.save = async () => {
      await Promise.resolve();
      exchange.lines = [];
    };
    expect((await ask(send)).message.headers['set-cookie']).toBeUndefined();
  });

  it.each<'destroy' | 'send'>(['destroy', 'send'])(
    "gives way to the error where the save fails, with onLateSaveError '%s' too",
    async (onLateSaveError) => {
      exchange.save = () => Promise.reject(new SessionStoreError('down'));
      exchange.lines = ['session=new'];
      exchange.onLateSaveError = onLateSaveError;
      const { message, body } = await ask((response) => {
        response.setHeader('Access-Control-Allow-Origin', '*');
        response.setHeader('Set-Cookie', 'theirs=1');
        response.setHeader('Cache-Control', 'public, max-age=60');
        response.setHeader('ETag', '"of the body"');
        send(response);
      });
      expect([message.statusCode, message.statusMessage]).toEqual([503, 'Service Unavailable']);
      expect(JSON.parse(body)).toEqual({ statusCode: 503, message: 'Service Unavailable' });
      expect(message.headers).toMatchObject({
        'content-type': 'application/json; charset=utf-8',
        'content-length': String(body.length),
        'retry-after': '1',
        'cache-control': 'no-store',
        'access-control-allow-origin': '*',
        'set-cookie': ['theirs=1'],
      });
      expect(message.headers).not.toHaveProperty('etag');
      expect(message.headers).not.toHaveProperty('transfer-encoding');
      expect(exchange.asked.at(-1)).toBe('SessionStoreError: down replaced');
    },
  );
});

describe('an error in the place of a response', () => {
  it.each<[string, unknown, object]>([
    [
      'the message of an error that is the client’s own',
      new SessionConflictError('try again'),
      { statusCode: 409, message: 'try again' },
    ],
    ['nothing of an unknown error', new Error('secret'), { statusCode: 500, message: 'Internal server error' }],
  ])('tells %s', async (_what, error, content) => {
    exchange.save = () => Promise.reject(error);
    const { body } = await ask((response) => void response.end('body'));
    expect(JSON.parse(body)).toEqual(content);
  });

  it.each([
    ['HEAD', 200, 503],
    ['GET', 204, 503],
    ['GET', 304, 503],
  ])('has a body of its own after %s with %s', async (method, status, sent) => {
    exchange.save = () => Promise.reject(new SessionStoreError('down'));
    const { message, body } = await ask((response) => void response.writeHead(status).end(), method);
    expect([message.statusCode, message.headers['content-length']]).toEqual([sent, '50']);
    expect(body).toHaveLength(method === 'HEAD' ? 0 : 50);
  });

  it('has no header that describes the body, or sends the client, a proxy or a cache elsewhere', async () => {
    const headers = {
      'cdn-cache-control': 'max-age=60',
      'content-digest': 'sha-256=:x:',
      'content-md5': 'x',
      refresh: '0; url=/elsewhere',
      'surrogate-control': 'max-age=60',
      'x-accel-redirect': '/protected',
      'x-sendfile': '/protected',
    };
    exchange.save = () => Promise.reject(new SessionStoreError('down'));
    const { message } = await ask((response) => void response.writeHead(200, headers).end('body'));
    expect(message.headers['cache-control']).toBe('no-store');
    expect(Object.keys(message.headers).filter((name) => name in headers)).toEqual([]);
  });

  it('leaves the connection in order for the next request', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    exchange.save = () => Promise.reject(new SessionStoreError('down'));
    const statuses: unknown[] = [];
    for (const send of [...senders, ...senders].map(([, each]) => each)) {
      handle = send;
      const { port } = server.address() as AddressInfo;
      const outgoing = request({ host: '127.0.0.1', port, agent }).end();
      const [message] = (await once(outgoing, 'response')) as [IncomingMessage];
      statuses.push([message.statusCode, outgoing.reusedSocket]);
      await once(message.resume(), 'end');
    }
    agent.destroy();
    expect(statuses).toEqual([[503, false], ...Array.from({ length: 7 }, () => [503, true])]);
  });

  it('closes for whoever still writes, and takes nothing more', async () => {
    exchange.save = () => Promise.reject(new SessionStoreError('down'));
    const closed = new Gate();
    const source = new PassThrough();
    const { body } = await ask((response) => {
      source.pipe(response);
      source.write('first');
      response.once('close', () => {
        source.write('second');
        response.write('third');
        response.end('fourth');
        void closed.stop();
      });
    });
    await closed.reached;
    expect(JSON.parse(body)).toMatchObject({ statusCode: 503 });
  });

  it('does not pass through what was put on the response before, such as a compressor', async () => {
    exchange.save = () => Promise.reject(new SessionStoreError('down'));
    const plain = new Set(server.listeners('request'));
    server.removeAllListeners('request');
    server.on('request', (_request, response: ServerResponse) => {
      const { end } = response;
      // As a compressor does: the head says that the body is coded, and the bytes go elsewhere.
      response.end = function (this: ServerResponse) {
        this.setHeader('Content-Encoding', 'gzip');
        return end.call(this, 'coded', 'utf8');
      };
      for (const listener of plain) listener.call(server, _request, response);
    });
    const { message, body } = await ask((response) => void response.end('body'));
    expect([message.statusCode, message.headers['content-encoding']]).toEqual([503, undefined]);
    expect(JSON.parse(body)).toMatchObject({ statusCode: 503 });
  });

  it('is that of the first save to fail, where two sessions are saved', async () => {
    const second = new FakeExchange();
    exchange.save = () => Promise.reject(new SessionConflictError('first'));
    second.save = async () => {
      await gate.stop();
      throw new SessionStoreError('second');
    };
    void gate.reached.then(() => gate.open());
    const { message } = await ask((response) => {
      installResponseHook(response, second);
      response.end('body');
    });
    expect(message.statusCode).toBe(409);
    expect(exchange.asked).toContain('SessionConflictError: first replaced');
    expect(second.asked).toContain('SessionStoreError: second replaced');
  });
});

describe('an answer that is held back', () => {
  beforeEach(() => {
    exchange.save = () => gate.stop();
    void gate.reached.then(() => gate.open());
  });

  it('counts as ended, so that it is not given twice', async () => {
    let isEnded: boolean | undefined;
    await ask((response) => void (isEnded = response.end('body').writableEnded));
    expect(isEnded).toBe(true);
  });

  it('has the length that Node would have given it', async () => {
    const { message } = await ask((response) => void response.end('smäll'));
    expect([message.headers['content-length'], message.headers['transfer-encoding']]).toEqual(['6', undefined]);
  });

  it.each([
    ['to HEAD', 'HEAD', 200],
    ['of the status 204', 'GET', 204],
    ['of the status 304', 'GET', 304],
  ])('has no length %s', async (_what, method, status) => {
    const { message } = await ask((response) => {
      response.statusCode = status;
      response.end();
    }, method);
    expect([message.statusCode, message.headers['content-length']]).toEqual([status, undefined]);
  });

  it('keeps the order of its writes, and tells the writer when it may go on', async () => {
    const { body } = await ask((response) => {
      response.on('drain', () => void response.end('three'));
      expect(response.write('one ')).toBe(false);
      expect(response.write('two ')).toBe(false);
    });
    expect(body).toBe('one two three');
  });

  it('calls back once it is sent', async () => {
    const sent = new Gate();
    await ask((response) => void response.end('body', () => void sent.stop()));
    await sent.reached;
  });
});

describe('the end of an answer whose head has left', () => {
  it('is held back for what is still to be done, once', async () => {
    exchange.lateSave = () => gate.stop();
    const { body } = await ask((response) => {
      response.write('first, ');
      response.end('last');
      void gate.reached.then(() => {
        response.end();
        gate.open();
      });
    });
    expect([body, exchange.asked]).toEqual(['first, last', ['beforeHead', 'beforeEnd']]);
  });

  const inTwoParts: Handler = (response) => {
    response.write('first');
    response.end('last');
  };

  it('is cut off where the save fails', async () => {
    exchange.lateSave = () => Promise.reject(new Error('down'));
    await expect(ask(inTwoParts)).rejects.toThrow('aborted');
    expect(exchange.asked).toEqual(['beforeHead', 'beforeEnd', 'Error: down destroy']);
  });

  it('leaves all the same where it may leave unsaved', async () => {
    exchange.lateSave = () => Promise.reject(new Error('down'));
    exchange.onLateSaveError = 'send';
    expect((await ask(inTwoParts)).body).toBe('firstlast');
    expect(exchange.asked).toEqual(['beforeHead', 'beforeEnd', 'Error: down send']);
  });

  it('gives way to the error where nothing has left by then, as all was held back', async () => {
    exchange.save = () => gate.stop();
    void gate.reached.then(() => gate.open());
    exchange.lateSave = () => Promise.reject(new SessionStoreError('down'));
    expect((await ask((response) => void response.writeHead(200).end('body'))).message.statusCode).toBe(503);
  });
});

describe('an answer with nothing to save', () => {
  it('passes at once', async () => {
    let sent: number | undefined;
    await ask((response) => {
      const { socket } = response;
      response.end('body');
      sent = socket?.bytesWritten;
    });
    expect(sent).toBeGreaterThan(0);
  });
});

describe('what Node refuses', () => {
  it.each<[string, Handler]>([
    ['a body that is no text and no bytes', (response) => void response.end(5 as unknown as string)],
    ['a chunk that is none', (response) => void response.write({})],
    ['a status that is none', (response) => void response.writeHead(42)],
  ])('is refused before anything is saved: %s', async (_what, send) => {
    let refused: unknown;
    await ask((response) => {
      try {
        send(response);
      } catch (error) {
        refused = error;
        expect(exchange.asked).toEqual([]);
        response.end();
      }
    });
    expect(refused).toBeInstanceOf(Error);
  });

  it('is a second head', async () => {
    let refused: unknown;
    await ask((response) => {
      response.writeHead(200);
      try {
        response.writeHead(200);
      } catch (error) {
        refused = error;
      }
      response.end();
    });
    expect(refused).toMatchObject({ code: 'ERR_HTTP_HEADERS_SENT' });
  });
});

describe('the headers given to writeHead', () => {
  it.each<[string, unknown[]]>([
    ['an object', [{ 'X-Own': 'yes', 'Set-Cookie': ['a=1', 'b=2'] }]],
    ['a flat list', [['X-Own', 'yes', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']]],
    [
      'pairs',
      [
        [
          ['X-Own', 'yes'],
          ['Set-Cookie', 'a=1'],
          ['Set-Cookie', 'b=2'],
        ],
      ],
    ],
    ['an object after a reason', ['Fine', { 'X-Own': 'yes', 'Set-Cookie': ['a=1', 'b=2'] }]],
  ])('stand beside the cookie and before those set earlier, as %s', async (_form, args) => {
    exchange.lines = ['session=new'];
    const { message } = await ask((response) => {
      response.setHeader('X-Own', 'no');
      response.setHeader('Set-Cookie', 'earlier=1');
      (response.writeHead as (...given: unknown[]) => ServerResponse)(201, ...args).end();
    });
    expect(message.headers).toMatchObject({ 'x-own': 'yes', 'set-cookie': ['a=1', 'b=2', 'session=new'] });
    expect([message.statusCode, message.statusMessage]).toEqual([201, args.length === 2 ? 'Fine' : 'Created']);
  });
});

describe('the headers given to writeHead alone', () => {
  const given = { 'content-type': 'text/plain', 'set-cookie': ['a=1', 'b=2'], vary: 'Origin', 'x-own': 'yes' };
  const send: Handler = (response) => void response.writeHead(201, given).end('body');

  it.each<[string, Handler, string]>([
    ['are passed on as one object', send, 'as one'],
    [
      'are set one by one beside a header that was set before',
      (response) => {
        response.setHeader('X-Before', 'yes');
        send(response);
      },
      'one by one',
    ],
  ])('%s, with ours', async (_how, sendIt, how) => {
    exchange.lines = ['session=new'];
    exchange.headers = { Vary: 'Cookie' };
    let isSet: boolean | undefined;
    const { message } = await ask((response) => {
      sendIt(response);
      isSet = response.hasHeader('x-own');
    });
    expect(message.headers).toMatchObject({
      'content-type': 'text/plain',
      'set-cookie': ['a=1', 'b=2', 'session=new'],
      vary: 'Cookie',
      'cache-control': 'no-store',
      'x-own': 'yes',
    });
    expect(isSet).toBe(how === 'one by one');
    expect(given).toEqual({
      'content-type': 'text/plain',
      'set-cookie': ['a=1', 'b=2'],
      vary: 'Origin',
      'x-own': 'yes',
    });
  });

  it('are refused before anything is saved, and then leave ours for the next head', async () => {
    exchange.lines = ['session=new'];
    exchange.save = async () => {};
    let asked = -1;
    const { message } = await ask((response) => {
      expect(() => response.writeHead(200, { 'x-bad': 'a\nb' })).toThrow('Invalid character');
      asked = exchange.asked.length;
      response.writeHead(500, { 'x-good': 'yes' }).end('error');
    });
    expect([asked, message.statusCode, message.headers['set-cookie']]).toEqual([0, 500, ['session=new']]);
  });

  it('stay on the error that takes the place of the response, without ours', async () => {
    exchange.lines = ['session=new'];
    exchange.save = () => Promise.reject(new SessionStoreError('down'));
    const { message } = await ask(send);
    expect(message.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'set-cookie': ['a=1', 'b=2'],
      vary: 'Origin',
      'x-own': 'yes',
    });
  });

  it('lose our cookie where the save finds that it must not leave', async () => {
    exchange.lines = ['session=old'];
    exchange.save = async () => {
      await Promise.resolve();
      exchange.lines = [];
    };
    expect((await ask(send)).message.headers['set-cookie']).toEqual(['a=1', 'b=2']);
  });

  it('may have names of any case, and no value', async () => {
    exchange.headers = { Vary: 'Cookie' };
    const { message } = await ask(
      (response) => void response.writeHead(200, { VARY: 'Origin', 'X-None': undefined }).end('body'),
    );
    expect(message.rawHeaders.filter((each) => /^vary$/i.test(each))).toHaveLength(1);
    expect(message.headers.vary).toBe('Cookie');
  });
});

describe('a shared cache', () => {
  const cached: Handler = (response) => {
    response.setHeader('Cache-Control', 'public, max-age=60');
    response.end();
  };

  it('may store an answer without our cookie', async () => {
    expect((await ask(cached)).message.headers['cache-control']).toBe('public, max-age=60');
  });

  it('may not store one with it, which the exchange is told where the route had let it', async () => {
    exchange.lines = ['session=new'];
    expect((await ask(cached)).message.headers['cache-control']).toBe('no-store');
    expect(exchange.asked).toEqual(['beforeHead', 'replacedCacheControl']);
  });

  it('may not store one that gets the cookie only by its save', async () => {
    exchange.save = async () => {
      await Promise.resolve();
      exchange.lines = ['session=new'];
    };
    expect((await ask(cached)).message.headers['cache-control']).toBe('no-store');
  });
});

describe('the exchange', () => {
  it('is told of the end when nothing is saved any more', async () => {
    exchange.lateSave = () => gate.stop();
    const ended: boolean[] = [];
    await ask((response) => {
      response.write('first');
      ended.push(exchange.hasEnded);
      response.end('last');
      void gate.reached.then(() => {
        ended.push(exchange.hasEnded);
        gate.open();
      });
    });
    expect([...ended, exchange.hasEnded]).toEqual([false, false, true]);
  });

  it('is told at once where it joins after the end', async () => {
    const second = new FakeExchange();
    await ask((response) => {
      response.end();
      installResponseHook(response, second);
    });
    expect(second.hasEnded).toBe(true);
  });
});

describe('two sessions of one answer', () => {
  it('are both saved before it leaves, and both send their cookies', async () => {
    const second = new FakeExchange();
    const gates = [gate, new Gate()] as const;
    [exchange.lines, second.lines] = [['first=1'], ['second=2']];
    exchange.save = () => gates[0].stop();
    second.save = () => gates[1].stop();
    let sent: number | undefined;
    const { message } = await ask((response) => {
      installResponseHook(response, second);
      const { socket } = response;
      response.end('body');
      gates[0].open();
      setImmediate(() => {
        sent = socket?.bytesWritten;
        gates[1].open();
      });
    });
    expect([message.headers['set-cookie'], sent]).toEqual([['first=1', 'second=2'], 0]);
  });

  it('are one where the hook is installed twice for the same exchange', async () => {
    await ask((response) => {
      installResponseHook(response, exchange);
      response.end();
    });
    expect(exchange.asked).toEqual(['beforeHead']);
  });
});

describe('a compressor that stood before the hook', () => {
  it('has the writers told that wait on a stream of its own', async () => {
    exchange.save = () => gate.stop();
    void gate.reached.then(() => gate.open());
    server.removeAllListeners('request');
    server.on('request', (_request, response) => {
      const listeners: (() => void)[] = [];
      response.on = ((event: string, listener: () => void) => {
        if (event === 'drain') listeners.push(listener);
        return response;
      }) as ServerResponse['on'];
      installResponseHook(response, exchange);
      handle(response);
    });
    const { body } = await ask((response) => {
      response.write('one ');
      response.on('drain', () => void response.end('two'));
    });
    expect(body).toBe('one two');
  });
});
