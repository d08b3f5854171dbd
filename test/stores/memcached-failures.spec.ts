import { inspect } from 'node:util';
import Memcached from 'memcached';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { SessionStoreError } from '../../lib/session.errors.js';
import { MemcachedStore, type MemcachedConnectOptions } from '../../lib/stores/memcached/memcached.store.js';
import { freePort, type ChildServer } from '../fixtures/child-server.mjs';
import { closedTwice, runProgram, type ProgramResult } from '../fixtures/child-program.js';
import { eventually } from '../fixtures/eventually.js';
import { MemcachedWire } from '../fixtures/memcached-wire.js';
import { startMemcached } from '../fixtures/servers.mjs';
import { TcpProxy } from '../fixtures/tcp-proxy.js';

const leftovers: (() => unknown)[] = [];

async function memcached(...args: string[]): Promise<ChildServer> {
  const server = await startMemcached(...args);
  leftovers.push(() => server.stop());
  return server;
}

async function connect(
  server: number | string | string[],
  options: MemcachedConnectOptions = {},
): Promise<MemcachedStore> {
  const servers = typeof server === 'number' ? `127.0.0.1:${server}` : server;
  const store = await MemcachedStore.connect({ servers, ...options });
  leftovers.push(() => store.close());
  return store;
}

/** A client as its owner would make it. */
function ownClient(server: string, options: Memcached.options = {}): Memcached {
  const client = new Memcached(server, options);
  leftovers.push(() => client.end());
  return client;
}

const stores: readonly (readonly [string, (server: string) => Promise<MemcachedStore>])[] = [
  ['a client of its own', (server) => connect(server)],
  ['a client of yours', async (server) => new MemcachedStore(ownClient(server))],
];

let count = 0;
const newKey = (): string => `memcached-failures:${process.pid}:${count++}`;

afterEach(async () => {
  for (const end of leftovers.splice(0).toReversed()) await end();
});

const verbs: Record<string, (store: MemcachedStore) => Promise<unknown>> = {
  get: (store) => store.get('key'),
  set: (store) => store.set('key', 'value', 60),
  delete: (store) => store.delete('key'),
  read: (store) => store.read('key'),
  create: (store) => store.create('key', 'value', 60),
  replace: (store) => store.replace('key', 'value', 60, '1'),
};

describe.each(stores)('A Memcached that hangs, on %s', (_name, makeStore) => {
  it('is an error of every verb, and answers again as soon as it goes on', async () => {
    const server = await memcached();
    const store = await makeStore(`127.0.0.1:${server.port}`);
    await store.set('key', 'value');
    await server.pause();
    for (const outcome of await Promise.allSettled(Object.values(verbs).map((verb) => verb(store)))) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: { message: expect.stringMatching(/^Memcached did not answer within 1000 ms: check that/) },
      });
    }
    server.resume();
    await eventually(() => store.get('key'));
  });

  it('is an error when it dies with commands under way, for which the driver never calls back', async () => {
    const server = await memcached();
    const store = await makeStore(`127.0.0.1:${server.port}`);
    await store.set('key', 'value');
    await server.pause();
    const outcomes = Promise.allSettled(Object.values(verbs).map((verb) => verb(store)));
    await new Promise(setImmediate);
    await server.stop();
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: expect.any(SessionStoreError) });
    }
  });
});

describe('A connection to Memcached that went silent', () => {
  it('is replaced by another one', async () => {
    const server = await memcached();
    const proxy = await TcpProxy.start(server.port);
    leftovers.push(() => proxy.stop());
    const store = await connect(proxy.port);
    await store.set('key', 'value');
    proxy.freeze();
    await expect(store.get('key')).rejects.toThrow(SessionStoreError);
    expect(await eventually(() => store.get('key'))).toBe('value');
  });
});

describe('A Memcached that is down', () => {
  it('does not keep an application from starting, and is used once it is there', async () => {
    const server = await memcached();
    await server.stop();
    const store = await connect(server.port);
    for (const verb of Object.values(verbs)) await expect(verb(store)).rejects.toThrow(SessionStoreError);
    await server.restart();
    await eventually(() => store.set('key', 'value'));
    expect(await store.get('key')).toBe('value');
  });

  it('is used again after a restart', async () => {
    const server = await memcached();
    const store = await connect(server.port);
    await store.set('key', 'value');
    await server.stop();
    await Promise.allSettled(Array.from({ length: 20 }, () => store.get('key')));
    await server.restart();
    expect(await eventually(() => store.get('key'))).toBeUndefined();
    expect(await store.create('key', 'value', 60)).toBe(true);
  });

  it('is an error that keeps the error of the driver', async () => {
    const store = await connect(await freePort());
    const error = await store.get('key').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'SESSION_STORE', statusCode: 503, cause: expect.any(Error) });
  });

  it('lets the process end after close', async () => {
    const result = await closedTwice(
      { path: '~/lib/stores/memcached/memcached.store.ts', name: 'MemcachedStore' },
      { servers: `127.0.0.1:${await freePort()}` },
    );
    expect(result).toMatchObject({ code: 0, stdout: 'SESSION_STORE\nclosed\n' });
  });
});

// A short outage as the driver sees it: enough failures that it wants to know whether the host is there.
const outage = (makeAsk: string, port: number): string => `
  import Memcached from 'memcached';
  import { MemcachedStore } from '~/lib/stores/memcached/memcached.store.ts';
  const server = '127.0.0.1:${port}';
  const options = { retries: 1, minTimeout: 10, maxTimeout: 10, failures: 1, retry: 20, reconnect: 20, failuresTimeout: 1000 };
  const ask = await (${makeAsk})();
  for (const end = Date.now() + 1500; Date.now() < end; await new Promise((r) => setTimeout(r, 10))) {
    await Promise.all([ask(), ask(), ask()]);
  }
  console.log('alive');
  process.exit(0);
`;

async function runWithoutPing(makeAsk: string): Promise<ProgramResult> {
  return runProgram(outage(makeAsk, await freePort()), { drivers: 'installed', env: { PATH: '' } });
}

describe('A machine without the program ping', () => {
  it('would end a process that uses the driver alone', async () => {
    const result = await runWithoutPing(`async () => {
      const client = new Memcached(server, options);
      return () => new Promise((resolve) => client.get('key', resolve));
    }`);
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain('spawn ping ENOENT');
  });

  it('does not end a process that uses a store with a client of its own', async () => {
    const result = await runWithoutPing(`async () => {
      const store = await MemcachedStore.connect({ servers: server });
      return () => store.get('key').catch(() => {});
    }`);
    expect(result).toMatchObject({ code: 0, stdout: 'alive\n' });
  });

  it('does not end a process that uses a store with a client of yours', async () => {
    const result = await runWithoutPing(`async () => {
      const store = new MemcachedStore(new Memcached(server, options));
      return () => store.get('key').catch(() => {});
    }`);
    expect(result).toMatchObject({ code: 0, stdout: 'alive\n' });
  });
});

describe.each(stores)('MemcachedStore on %s', (_name, makeStore) => {
  it('refuses a value that is too large before it is sent, so that the server stays in use', async () => {
    const store = await makeStore(inject('memcachedServer'));
    const key = newKey();
    await expect(store.set(key, 'x'.repeat(1_048_571))).rejects.toMatchObject({ code: 'SESSION_TOO_LARGE' });
    await expect(store.set(key, '\n'.repeat(600_000))).rejects.toMatchObject({ code: 'SESSION_TOO_LARGE' });
    expect(await store.get(key)).toBeUndefined();
  });

  it('takes more than 30 days for a time to come, not for one long past', async () => {
    const store = await makeStore(inject('memcachedServer'));
    const wire = new MemcachedWire(inject('memcachedServer'));
    const day = 24 * 60 * 60;
    for (const days of [29, 30, 31, 400]) {
      const key = newKey();
      await store.set(key, 'value', days * day);
      const { ttl } = await wire.about(key);
      expect(Math.abs(ttl - days * day)).toBeLessThan(30);
    }
    const key = newKey();
    await store.set(key, 'value');
    expect(await wire.about(key)).toEqual({ flags: 0, ttl: -1 });
  });

  it.each([
    ['none', ''],
    ['a blank', 'a b'],
    ['a line break', 'a\r\nflush_all'],
    ['a control byte', 'a\u0007b'],
    ['a blank beyond ASCII', 'a\u00a0b'],
    ['half a character', 'a\ud83c'],
    ['251 bytes', 'k'.repeat(251)],
    ['few characters but many bytes', 'é'.repeat(126)],
    ['what the driver would take for another one', 'a$$b'],
    ['a pattern of String.replace', 'a$&b'],
    ['another pattern of it', "a$'b"],
    ['the name of the version', 'cas'],
    ['the name of the prototype', '__proto__'],
  ])('refuses a key of %s, before it is sent', async (_what, key) => {
    const store = await makeStore('127.0.0.1:1');
    const refused = { code: 'SESSION_CONFIGURATION' };
    await expect(store.get(key)).rejects.toMatchObject(refused);
    await expect(store.set(key, 'value')).rejects.toMatchObject(refused);
    await expect(store.delete(key)).rejects.toMatchObject(refused);
    await expect(store.read(key)).rejects.toMatchObject(refused);
    await expect(store.create(key, 'value', 60)).rejects.toMatchObject(refused);
    await expect(store.replace(key, 'value', 60, '1')).rejects.toMatchObject(refused);
  });

  it('does not repeat a key that it refuses', async () => {
    const store = await makeStore('127.0.0.1:1');
    for (const key of ['a-secret key', `a-secret${'k'.repeat(250)}`, 'a-secret$$key']) {
      const error = await store.get(key).catch((thrown: unknown) => thrown);
      expect(inspect(error).split('\n')[0]).not.toContain('a-secret');
    }
  });

  it('takes a key of 250 bytes, and dollars that are no pattern', async () => {
    const store = await makeStore(inject('memcachedServer'));
    const wire = new MemcachedWire(inject('memcachedServer'));
    for (const key of [newKey().padEnd(250, 'k'), `${newKey()}:$`, `${newKey()}:$1$`]) {
      await store.set(key, 'value', 60);
      expect(await wire.get(key)).toBe('value');
      expect(await store.get(key)).toBe('value');
    }
  });

  it('reads a value that claims to be JSON and is none', async () => {
    const store = await makeStore(inject('memcachedServer'));
    const key = newKey();
    await new MemcachedWire(inject('memcachedServer')).set(key, 'no { json', 2);
    expect(await store.get(key)).toBe('no { json');
    expect((await store.read(key))?.value).toBe('no { json');
  });

  it('reads what another program wrote with line breaks, and goes on', async () => {
    const store = await makeStore(inject('memcachedServer'));
    const wire = new MemcachedWire(inject('memcachedServer'));
    const texts = ['a\r\nb', '\r\n', 'a\r\nEND\r\nb', '\r\nVALUE x 0 1\r\nEND\r\n', 'x\r\n'.repeat(100_000)];
    for (const text of texts) {
      const key = newKey();
      await wire.set(key, text);
      expect((await store.get(key)) === text).toBe(true);
      const stored = await store.read(key);
      expect(await store.replace(key, 'plain', 60, stored?.version)).toBe('replaced');
      expect(await wire.get(key)).toBe('plain');
    }
  });
});

describe('MemcachedStore', () => {
  it('is an error where the server takes no value so large, and the service returns', async () => {
    const store = await connect((await memcached('-I', '512k')).port);
    await store.create('key', 'value', 60);
    const { version } = (await store.read('key')) ?? {};
    const large = 'x'.repeat(900_000);
    await expect(store.replace('key', large, 60, version)).rejects.toThrow(SessionStoreError);
    expect(await eventually(() => store.get('key'))).toBe('value');
    await expect(store.create('other', large, 60)).rejects.toThrow(SessionStoreError);
    expect(await eventually(() => store.get('other'))).toBeUndefined();
    await expect(store.set('third', large, 60)).rejects.toThrow(SessionStoreError);
    expect(await eventually(() => store.create('third', 'value', 60))).toBe(true);
  });

  it('reads the very text of a value that another program flagged as something else', async () => {
    const store = await connect(inject('memcachedServer'));
    for (const [text, flags] of [
      ['{ "a": 1 }', 2],
      ['1.50', 8],
      ['ünï', 4],
      ['pickled', 1],
    ] as const) {
      const key = newKey();
      await new MemcachedWire(inject('memcachedServer')).set(key, text, flags);
      expect(await store.get(key)).toBe(text);
    }
  });

  it('leaves the other commands of your client as they are', async () => {
    const client = ownClient(inject('memcachedServer'));
    const wire = new MemcachedWire(inject('memcachedServer'));
    const store = new MemcachedStore(client);
    const twice = new MemcachedStore(client);
    const key = newKey();
    await new Promise<void>((done, fail) => client.set(key, { a: [1] }, 60, (error) => (error ? fail(error) : done())));
    const get = (): Promise<unknown> => new Promise((done) => client.get(key, (_error, value) => done(value)));
    expect(await get()).toEqual({ a: [1] });
    expect(JSON.parse((await store.get(key)) ?? '')).toEqual({ a: [1] });
    expect(await twice.get(key)).toBe('{"a":[1]}');
    await wire.set(`${key}:1`, '1');
    await wire.set(`${key}:2`, 'a\r\nb');
    const many = await new Promise((done) => client.getMulti([`${key}:1`, `${key}:2`], (_error, found) => done(found)));
    expect(many).toEqual({ [`${key}:1`]: '1', [`${key}:2`]: 'a\r\nb' });
  });

  it('counts the namespace of your client when it looks at a key', async () => {
    const store = new MemcachedStore(ownClient(inject('memcachedServer'), { namespace: 'n'.repeat(200) }));
    await expect(store.set('k'.repeat(51), 'value')).rejects.toMatchObject({ code: 'SESSION_CONFIGURATION' });
    await store.set('k'.repeat(50), 'value', 60);
    expect(await store.get('k'.repeat(50))).toBe('value');
  });

  it('serves more commands at once than it has connections', async () => {
    const store = await connect(inject('memcachedServer'));
    const keys = Array.from({ length: 500 }, newKey);
    await Promise.all(keys.map((key) => store.set(key, key, 60)));
    expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual(keys);
  });

  it('spreads keys over several servers, and one that is down does not take the others along', async () => {
    const [one, other] = [await memcached(), await memcached()];
    const store = await connect([one, other].map(({ port }) => `127.0.0.1:${port}`));
    const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`);
    await Promise.all(keys.map((key) => store.set(key, 'value', 60)));
    const inOne = new MemcachedWire(`127.0.0.1:${one.port}`);
    const there = await Promise.all(keys.map(async (key) => (await inOne.get(key)) !== undefined));
    expect(new Set(there)).toEqual(new Set([true, false]));
    await other.pause();
    const outcomes = await Promise.allSettled(keys.map((key) => store.get(key)));
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual(there);
    other.resume();
  });

  it('takes an answer that came while the process was busy', async () => {
    const store = await connect(inject('memcachedServer'));
    const key = newKey();
    await store.set(key, 'value', 60);
    const answer = store.get(key);
    await new Promise(setImmediate);
    for (const end = Date.now() + 1200; Date.now() < end;);
    expect(await answer).toBe('value');
  });

  it('does not close a client of yours', async () => {
    const store = new MemcachedStore(ownClient(inject('memcachedServer')));
    await store.close();
    await store.set(newKey(), 'value', 60);
  });

  it('waits at close for the answers under way, and takes no more commands', async () => {
    const store = await connect(inject('memcachedServer'));
    const saved = store.set(newKey(), 'value', 60);
    await Promise.all([store.close(), saved]);
    await expect(store.get(newKey())).rejects.toThrow(/the store is closed/);
  });

  it.each([[[]], [''], [['127.0.0.1:11211', '']], [11211]])('refuses the servers %j', async (servers) => {
    const refused = { code: 'SESSION_CONFIGURATION', message: expect.stringContaining('host:11211') };
    await expect(MemcachedStore.connect({ servers: servers as string[] })).rejects.toMatchObject(refused);
  });

  it('says what to install when there is no driver', async () => {
    const program = `
      import { MemcachedStore } from '~/lib/stores/memcached/memcached.store.ts';
      await MemcachedStore.connect({}).catch((error) => console.log(error.code, error.message));
    `;
    const { stdout } = await runProgram(program, { drivers: 'missing' });
    expect(stdout).toMatch(/^SESSION_CONFIGURATION .*npm i memcached\n$/);
  });
});
