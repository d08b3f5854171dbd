import { inspect } from 'node:util';
import Memcached from 'memcached';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { SessionStoreError } from '../../lib/session.errors.js';
import { MemcachedStore } from '../../lib/stores/memcached/memcached.store.js';
import { eventually } from '../fixtures/eventually.js';
import { FakeMemcached, type FakeReply } from '../fixtures/fake-memcached.js';
import { MemcachedWire } from '../fixtures/memcached-wire.js';

const leftovers: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of leftovers.splice(0).toReversed()) await end();
});

async function fake(reply: FakeReply): Promise<FakeMemcached> {
  const server = await FakeMemcached.start(reply);
  leftovers.push(() => server.stop());
  return server;
}

function clientOfYours(server: string, options: Memcached.options = {}): Memcached {
  const client = new Memcached(server, { poolSize: 1, ...options });
  leftovers.push(() => client.end());
  return client;
}

type MakeStore = (server: string) => Promise<MemcachedStore>;

// One connection, so that the commands of a test wait on the same one.
const stores: readonly (readonly [string, MakeStore])[] = [
  [
    'a client of its own',
    async (servers) => {
      const store = await MemcachedStore.connect({ servers, poolSize: 1 });
      leftovers.push(() => store.close());
      return store;
    },
  ],
  ['a client of yours', async (server) => new MemcachedStore(clientOfYours(server))],
];

/** Answers as Memcached does, with the key itself as the value. */
const truly: FakeReply = (command) => {
  const [verb, key = ''] = command.split(' ');
  if (verb === 'gets' || verb === 'get')
    return `VALUE ${key} 0 ${key.length}${verb === 'gets' ? ' 7' : ''}\r\n${key}\r\nEND\r\n`;
  return verb === 'delete' ? 'DELETED\r\n' : 'STORED\r\n';
};

/** Answers the key `odd` with this, and all others truly. */
const oddly =
  (...pieces: string[]): FakeReply =>
  (command) =>
    command === 'gets odd' || command === 'get odd' ? pieces : truly(command);

const lost = {
  status: 'rejected',
  reason: expect.objectContaining({
    code: 'SESSION_STORE',
    cause: expect.objectContaining({ message: expect.stringMatching(/^The connection was dropped/) }),
  }),
};

const wrongAnswers: readonly (readonly [string, string])[] = [
  ['the value of another key', 'VALUE other 0 5 7\r\nother\r\nEND\r\n'],
  ['the value of a longer key', 'VALUE oddly 0 5 7\r\nother\r\nEND\r\n'],
  ['two values', 'VALUE odd 0 1 7\r\na\r\nVALUE odd 0 1 7\r\nb\r\nEND\r\n'],
  ['a value that is longer than it says', 'VALUE odd 0 3 7\r\nlonger\r\nEND\r\n'],
  ['a value that is shorter than it says', 'VALUE odd 0 9 7\r\nshorter\r\nEND\r\n'],
  ['a value that no END follows', 'VALUE odd 0 3 7\r\nodd\r\nSTORED\r\nEND\r\n'],
  ['a value that an error follows', 'VALUE odd 0 3 7\r\nodd\r\nSERVER_ERROR out of memory\r\n'],
  ['a value of more bytes than there can be', 'VALUE odd 0 99999999999999999999 7\r\nodd\r\nEND\r\n'],
  ['a value of fewer bytes than none', 'VALUE odd 0 -1 7\r\n\r\nEND\r\n'],
  ['the answer to another command', 'STORED\r\n'],
  ['a line that is no answer', 'VALUE\r\n'],
  ['an empty line', '\r\nEND\r\n'],
];

describe.each(stores)('MemcachedStore on %s', (_name, makeStore) => {
  it.each(wrongAnswers)('takes %s for an error of all that wait on that connection', async (_what, answer) => {
    const server = await fake(oddly(answer));
    const store = await makeStore(server.address);
    expect(await store.get('before')).toBe('before');
    const outcomes = await Promise.allSettled([
      store.get('first'),
      store.read('odd'),
      store.read('next'),
      store.create('new', 'value', 60),
      store.delete('last'),
    ]);
    expect(outcomes).toEqual([{ status: 'fulfilled', value: 'first' }, lost, lost, lost, lost]);
    expect(await store.get('after')).toBe('after');
    expect(server.connections).toBe(2);
  });

  it('lets go of a connection on which more comes than was asked for', async () => {
    const server = await fake(oddly('END\r\nVALUE next 0 5 7\r\nother\r\nEND\r\n'));
    const store = await makeStore(server.address);
    expect(await store.get('odd')).toBeUndefined();
    expect(await store.get('next')).toBe('next');
    expect(server.connections).toBe(2);
  });

  it('does not take what came before a command for its answer', async () => {
    const server = await fake(truly);
    const store = await makeStore(server.address);
    expect(await store.get('key')).toBe('key');
    server.volunteer('VALUE next 0 5 7\r\nother\r\nEND\r\n');
    await eventually(async () => expect(server.open).toBe(0));
    expect(await store.get('next')).toBe('next');
  });

  it('takes a refused command for an error, and not for a record that is missing', async () => {
    const server = await fake(oddly('SERVER_ERROR out of memory writing get response\r\n'));
    const store = await makeStore(server.address);
    await expect(store.read('odd')).rejects.toThrow(SessionStoreError);
  });

  it('reads an answer in whatever pieces it comes', async () => {
    const text = 'é\r\nEND\r\n\r\n𝒳\r\n';
    const bytes = Buffer.from(`VALUE odd 0 ${Buffer.byteLength(text)} 7\r\n${text}\r\nEND\r\n`);
    const pieces = Array.from(bytes, (_byte, index) => bytes.subarray(index, index + 1).toString('latin1'));
    const store = await makeStore((await fake(oddly(...pieces))).address);
    expect(await store.get('before')).toBe('before');
    const found = await Promise.all([store.get('odd'), store.get('next'), store.get('odd')]);
    expect(found).toEqual([text, 'next', text]);
  });

  it('reads the empty value and one of line breaks alone', async () => {
    for (const text of ['', '\r\n', '\r\n\r\n', '\n', '\r']) {
      const store = await makeStore((await fake(oddly(`VALUE odd 0 ${text.length} 7\r\n${text}\r\nEND\r\n`))).address);
      expect(await store.get('before')).toBe('before');
      expect(await Promise.all([store.get('odd'), store.get('next')])).toEqual([text, 'next']);
    }
  });

  it('lets go of a connection on which an answer does not end in time', async () => {
    const server = await fake(oddly('VALUE odd 0 1000 7\r\nodd\r\nEND\r\n'));
    const store = await makeStore(server.address);
    expect(await store.get('before')).toBe('before');
    const outcomes = await Promise.allSettled([store.read('odd'), store.read('next')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await store.get('after')).toBe('after');
    expect(server.connections).toBe(2);
  });
});

describe('MemcachedStore', () => {
  it('demands the key with the namespace of your client', async () => {
    const server = await fake((command) =>
      command === 'gets their:odd' ? oddly('VALUE odd 0 1 7\r\nx\r\nEND\r\n')('gets odd') : truly(command),
    );
    const store = new MemcachedStore(clientOfYours(server.address, { namespace: 'their:' }));
    expect(await store.get('key')).toBe('their:key');
    await expect(store.get('odd')).rejects.toThrow(SessionStoreError);
  });

  it.each([
    ['another key', { other: 'value', cas: '1' }],
    ['a text', 'value'],
    ['a refusal', false],
  ])('takes %s from a client of another make for an error', async (_what, answer) => {
    const client = { gets: (_key: string, done: (error: unknown, answer: unknown) => void) => done(undefined, answer) };
    const store = new MemcachedStore(client as never);
    await expect(store.read('key')).rejects.toMatchObject({ code: 'SESSION_STORE' });
  });

  it('lets go of one server and not of the other', async () => {
    const [one, other] = [await fake(truly), await fake(truly)];
    const store = await MemcachedStore.connect({ servers: [one.address, other.address], poolSize: 1 });
    leftovers.push(() => store.close());
    const keys = Array.from({ length: 40 }, (_, index) => `key-${index}`);
    for (const key of keys) expect(await store.get(key)).toBe(key);
    one.volunteer('END\r\n');
    await eventually(async () => expect(one.open).toBe(0));
    for (const key of keys) expect(await store.get(key)).toBe(key);
    expect([one.connections, other.connections]).toEqual([2, 1]);
  });

  it('puts nothing of the other record and no key into the error', async () => {
    const server = await fake(oddly('VALUE secret-key 0 6 7\r\nsecret\r\nEND\r\n'));
    const store = new MemcachedStore(clientOfYours(server.address));
    const error: unknown = await store.read('odd').catch((thrown: unknown) => thrown);
    expect(inspect(error, { depth: 9 })).not.toMatch(/secret|odd/);
  });
});

/** What a command calls back with, as one value. */
const called = (send: (done: (error: unknown, result?: unknown) => void) => void): Promise<unknown> =>
  new Promise((resolve) => send((error, result) => resolve(error ?? result)));

describe('A client of yours that a store uses', () => {
  it('answers its other commands as it did alone', async () => {
    const namespace = `memcached-answers:${process.pid}:`;
    const server = inject('memcachedServer');
    const alone = clientOfYours(server, { namespace });
    const shared = clientOfYours(server, { namespace });
    expect(await new MemcachedStore(shared).get('none')).toBeUndefined();
    const values = [
      '',
      'text',
      'ünï𝒳',
      'a\nb\r\nc',
      { a: ['é\r\n'] },
      [],
      1.5,
      -2,
      Buffer.from([0, 255, 128, 10, 13]),
      true,
      null,
    ];
    for (const [index, value] of values.entries()) {
      await called((done) => (index % 2 ? alone : shared).set(`clé:à:${index}`, value, 60, done));
    }
    const keys = values.map((_value, index) => `clé:à:${index}`);
    for (const client of [alone, shared]) {
      const found = await Promise.all(keys.map((key) => called((done) => client.get(key, done))));
      expect(found.slice(0, 3)).toEqual(values.slice(0, 3));
      expect(found.slice(4)).toEqual(values.slice(4));
    }
    expect(await called((done) => shared.get('clé:à:3', done))).toBe('a\nb\r\nc');
    const single = keys.toSpliced(3, 1);
    const many = (client: Memcached): Promise<unknown> => called((done) => client.getMulti([...single, 'none'], done));
    expect(await many(shared)).toEqual(await many(alone));
    const others = (client: Memcached): Promise<unknown[]> =>
      Promise.all([
        called((done) => client.get('none', done)),
        called((done) => client.gets('clé:à:1', done)),
        called((done) => client.touch('clé:à:1', 60, done)),
        called((done) => client.touch('none', 60, done)),
        called((done) => client.add('clé:à:1', 'x', 60, done)),
        called((done) => client.replace('none', 'x', 60, done)),
        called((done) => client.append('none', 'x', done)),
        called((done) => client.cas('clé:à:1', 'x', '1', 60, done)),
        called((done) => client.incr('none', 1, done)),
        called((done) => client.incr('clé:à:1', 1, done)),
        called((done) => client.del('none', done)),
        called((done) => client.set('k'.repeat(300), 'x', 60, done)),
        called((done) => client.get('k'.repeat(300), done)),
        called((done) => client.set('key', 'x'.repeat(2_000_000), 60, done)),
        called((done) => client.version(done)),
        called((done) => client.settings(done)),
      ]);
    expect(await others(shared)).toEqual(await others(alone));
    await called((done) => shared.set('number', 1, 60, done));
    expect(await called((done) => shared.incr('number', 4, done))).toBe(5);
    expect(await called((done) => shared.decr('number', 2, done))).toBe(3);
    expect(await called((done) => shared.append('number', '1', done))).toBe(true);
    expect(await called((done) => shared.get('number', done))).toBe(31);
    expect(await called((done) => shared.stats(done))).toEqual([expect.objectContaining({ pid: expect.any(Number) })]);
    expect(await called((done) => shared.del('number', done))).toBe(true);
  });

  it('gets an error for each of its commands that waited where a wrong answer came', async () => {
    const server = await fake(oddly('VALUE other 0 5 7\r\nother\r\nEND\r\n'));
    const client = clientOfYours(server.address);
    const store = new MemcachedStore(client);
    await store.get('before');
    const outcomes = [
      store.read('odd').catch(() => 'rejected'),
      called((done) => client.get('next', done)),
      called((done) => client.getMulti(['one', 'two'], done)),
      called((done) => client.set('next', 'value', 60, done)),
    ];
    const dropped = expect.objectContaining({ message: expect.stringMatching(/^The connection was dropped/) });
    expect(await Promise.all(outcomes)).toEqual(['rejected', dropped, [dropped], dropped]);
    expect(await called((done) => client.get('after', done))).toBe('after');
  });

  it('gets an error for a wrong key in answer to its own commands', async () => {
    const client = clientOfYours((await fake(oddly('VALUE other 0 5\r\nother\r\nEND\r\n'))).address);
    const store = new MemcachedStore(client);
    await store.get('before');
    const asked = [called((done) => client.get('odd', done)), store.read('next').catch(() => 'rejected')];
    expect(await Promise.all(asked)).toEqual([expect.any(Error), 'rejected']);
  });

  it('takes no data of a refused command for the answer to the next one', async () => {
    const client = clientOfYours(inject('memcachedServer'));
    const store = new MemcachedStore(client);
    const [key, forged] = [`memcached-answers:${process.pid}:a`, `memcached-answers:${process.pid}:b`];
    await store.set(key, 'value', 60);
    await store.set(forged, 'forged', 60);
    const refused = called((done) => client.set('key', `x`.repeat(9), 1.5, done));
    const outcomes = await Promise.allSettled([store.get(key), store.get(forged)]);
    expect(await refused).toBeInstanceOf(Error);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(2);
    expect(await store.get(key)).toBe('value');
    expect(await store.get(forged)).toBe('forged');
  });

  it('gets the answers to commands that the driver does not know', async () => {
    const server = await fake((command) => {
      if (command === 'config get cluster')
        return 'CONFIG cluster 0 33\r\n1\nhost|10.0.0.1|1 host|10.0.0.2|1\n\r\nEND\r\n';
      return command === 'me key' ? 'EN\r\n' : truly(command);
    });
    const client = clientOfYours(server.address);
    const store = new MemcachedStore(client);
    const custom = (command: string): Promise<unknown> =>
      called((done) => {
        (client as unknown as { command(compile: () => object): void }).command(() => ({
          type: command,
          command,
          callback: done,
        }));
      });
    await store.get('before');
    const answers = [custom('config get cluster'), store.get('next'), custom('me key'), custom('me key')];
    expect(await Promise.all(answers)).toEqual([
      '1\nhost|10.0.0.1|1 host|10.0.0.2|1\n',
      'next',
      expect.any(Error),
      expect.any(Error),
    ]);
    expect(await store.get('after')).toBe('after');
  });

  it('is read by its bytes on the connections too that were open before the store was made', async () => {
    const client = clientOfYours(inject('memcachedServer'));
    const wire = new MemcachedWire(inject('memcachedServer'));
    const key = `memcached-answers:${process.pid}:latin1`;
    const forged = `VALUE ${key}:session 0 6 1\r\nforged\r\nEND\r\n`;
    await wire.set(key, Buffer.from(`${'é'.repeat(9)}\r\nEND\r\n${forged}`, 'latin1'));
    await wire.set(`${key}:session`, 'record');
    await called((done) => client.get(`${key}:session`, done));
    const store = new MemcachedStore(client);
    for (let turn = 0; turn < 20; turn++) {
      const reads = [store.get(key), store.get(`${key}:session`), store.get(key), store.get(`${key}:none`)];
      expect((await Promise.all(reads)).slice(1)).toEqual(['record', expect.any(String), undefined]);
    }
  });

  it('is put right while its connection is being opened and while an answer is under way', async () => {
    const text = 'é'.repeat(9);
    const server = await fake(
      oddly('VALUE odd 0 18\r\n\xc3', `\xa9${Buffer.from(text).toString('latin1').slice(2)}\r\nEND\r\n`),
    );
    const opening = clientOfYours(server.address);
    const first = called((done) => opening.get('odd', done));
    const store = new MemcachedStore(opening);
    expect(await first).toBe(text);
    expect(await store.get('next')).toBe('next');
    const busy = clientOfYours(server.address);
    await called((done) => busy.get('before', done));
    const second = called((done) => busy.get('odd', done));
    await eventually(async () => expect(server.commands.filter((line) => line === 'get odd')).toHaveLength(2));
    const another = new MemcachedStore(busy);
    const next = another.get('next');
    expect(await second).toBe(text);
    expect(await next).toBe('next');
    expect(server.connections).toBe(2);
  });

  it('drops a connection whose bytes were lost before the store was made', async () => {
    const forged = 'VALUE next 0 6 1\r\nforged\r\nEND\r\n';
    const value = `${'\xe9'.repeat(9)}\r\nEND\r\n${forged}`;
    const server = await fake(oddly(`VALUE odd 0 ${value.length}\r\n${value}\r\nEND\r\n`));
    const client = clientOfYours(server.address);
    const first = called((done) => client.get('odd', done));
    const store = new MemcachedStore(client);
    expect(await first).toBeInstanceOf(Error);
    expect(await store.get('next')).toBe('next');
  });
});
