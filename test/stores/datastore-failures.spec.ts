import { inspect } from 'node:util';

import { Datastore } from '@google-cloud/datastore';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SessionConfigurationError, SessionStoreError } from '../../lib/session.errors.js';
import type { DatastoreClient } from '../../lib/stores/datastore/datastore-client.js';
import { DatastoreStore, type DatastoreConnectOptions } from '../../lib/stores/datastore/datastore.store.js';
import type { SessionStore } from '../../lib/stores/session-store.js';
import { datastoreOptions } from '../fixtures/back-end-table.js';
import { eventually } from '../fixtures/eventually.js';
import { FakeDatastore, type Fault } from '../fixtures/fake-datastore.js';
import { TcpProxy } from '../fixtures/tcp-proxy.js';

const leftovers: (() => unknown)[] = [];

let fake: FakeDatastore;
let store: DatastoreStore;

async function connect(host: string, options: DatastoreConnectOptions = {}): Promise<DatastoreStore> {
  const connected = await DatastoreStore.connect({ ...datastoreOptions(host), ...options });
  leftovers.push(() => connected.close());
  return connected;
}

function ownClient(host: string, options: object = {}): Datastore {
  const client = new Datastore({ ...datastoreOptions(host), ...options });
  leftovers.push(() => {
    for (const connection of client.clients_.values()) connection.close();
  });
  return client;
}

beforeEach(async () => {
  fake = await FakeDatastore.start();
  leftovers.push(() => fake.stop());
  store = await connect(fake.address);
  fake.calls.length = 0;
});

afterEach(async () => {
  for (const end of leftovers.splice(0).toReversed()) await end();
});

type Verb = 'get' | 'set' | 'delete' | 'read' | 'create' | 'replace';

/** Each verb on a record that is there and that was read, except for `create`. */
const verbs: Record<Verb, (of: SessionStore, version: unknown) => Promise<unknown>> = {
  get: (of) => of.get('key'),
  set: (of) => of.set('key', 'new', 60),
  delete: (of) => of.delete('key'),
  read: (of) => of.read('key'),
  create: (of) => of.create('new-key', 'new', 60),
  replace: (of, version) => of.replace('key', 'new', 60, version),
};

const writes = ['set', 'delete', 'create', 'replace'] as const satisfies Verb[];

/** The version of a record under `key`, which is then all that the fake was asked so far. */
async function stored(): Promise<unknown> {
  await store.set('key', 'value', 60);
  const record = await store.read('key');
  fake.calls.length = 0;
  return record?.version;
}

const failed = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error,
  );

describe('The requests of a verb', () => {
  it.each([
    ['get', ['lookup']],
    ['set', ['commit']],
    ['delete', ['lookup', 'commit']],
    ['read', ['lookup']],
    ['create', ['commit']],
    ['replace', ['commit']],
  ] as const)('%s: %j', async (verb, calls) => {
    const version = await stored();
    await verbs[verb](store, version);
    expect(fake.calls).toEqual(calls);
  });

  it('are one more where the answer is not what was hoped for', async () => {
    const version = await stored();
    expect(await store.create('key', 'new', 60)).toBe(false);
    expect(fake.calls).toEqual(['commit', 'lookup']);
    await store.set('key', 'theirs', 60);
    fake.calls.length = 0;
    expect(await store.replace('key', 'new', 60, version)).toBe('conflict');
    expect(fake.calls).toEqual(['commit', 'lookup']);
    await store.delete('key');
    fake.calls.length = 0;
    expect(await store.replace('key', 'new', 60, version)).toBe('missing');
    expect(fake.calls).toEqual(['commit', 'lookup']);
    expect(await store.delete('key')).toBe(false);
    expect(fake.calls).toEqual(['commit', 'lookup', 'lookup']);
  });

  it('are three for a create that takes over an expired record', async () => {
    await stored();
    fake.ahead = 61_000;
    expect(await store.create('key', 'new', 60)).toBe(true);
    expect(fake.calls).toEqual(['commit', 'lookup', 'commit']);
    expect(await store.get('key')).toBe('new');
  });
});

describe('The clock', () => {
  it.each([-7_200_000, 7_200_000])(
    'is that of Datastore, even if it is %d ms off that of the process',
    async (ahead) => {
      fake.ahead = ahead;
      await store.set('key', 'value', 60);
      const { version } = (await store.read('key'))!;
      expect(await store.replace('key', 'changed', 60, version)).toBe('replaced');
      expect(await store.create('key', 'other', 60)).toBe(false);
      expect(await store.get('key')).toBe('changed');
      fake.ahead = ahead + 59_000;
      expect(await store.get('key')).toBe('changed');
      fake.ahead = ahead + 60_001;
      expect(await store.get('key')).toBeUndefined();
      expect(await store.delete('key')).toBe(false);
    },
  );

  it('renews the lifetime with the same text and the same ttl, which alone would change nothing', async () => {
    await store.set('key', 'value', 60);
    fake.ahead = 50_000;
    const { version } = (await store.read('key'))!;
    expect(await store.replace('key', 'value', 60, version)).toBe('replaced');
    fake.ahead = 100_000;
    expect(await store.get('key')).toBe('value');
  });

  it('lets no replace bring back a record that expired after it was read', async () => {
    await store.set('key', 'value', 1);
    const { version } = (await store.read('key'))!;
    await eventually(async () => expect(await store.get('key')).toBeUndefined());
    fake.calls.length = 0;
    expect(await store.replace('key', 'late', 60, version)).toBe('missing');
    expect(fake.calls).toEqual(['lookup']);
  });

  it('lets a replace win that only the clock of the process takes for late', async () => {
    await store.set('key', 'value', 1);
    const { version } = (await store.read('key'))!;
    await eventually(async () => expect(await store.get('key')).toBeUndefined());
    // The clock of Datastore has stood still meanwhile.
    fake.ahead = -5000;
    expect(await store.replace('key', 'in time', 60, version)).toBe('replaced');
    expect(await store.get('key')).toBe('in time');
  });
});

describe('An error of Datastore', () => {
  const uncertain: readonly (readonly [string, number])[] = [
    ['CANCELLED', 1],
    ['UNKNOWN', 2],
    ['DEADLINE_EXCEEDED', 4],
    ['INTERNAL', 13],
    ['UNAVAILABLE', 14],
    ['DATA_LOSS', 15],
  ];
  const refused: readonly (readonly [string, number])[] = [
    ['INVALID_ARGUMENT', 3],
    ['PERMISSION_DENIED', 7],
    ['RESOURCE_EXHAUSTED', 8],
    ['FAILED_PRECONDITION', 9],
    ['UNIMPLEMENTED', 12],
    ['UNAUTHENTICATED', 16],
  ];

  describe.each([
    ...uncertain.map((each) => [...each, false] as const),
    ...refused.map((each) => [...each, true] as const),
  ])('%s', (_name, code, isRefusal) => {
    it.each(writes)(
      `makes %s reject, ${isRefusal ? 'as refused' : 'and is no refusal'}, and is not sent again`,
      async (verb) => {
        const version = await stored();
        fake.fail({ method: 'commit', answer: code });
        const error = await failed(verbs[verb](store, version));
        expect(error).toBeInstanceOf(SessionStoreError);
        expect(error).toMatchObject({ isRefusal, cause: { code } });
        expect(fake.calls.filter((call) => call === 'commit')).toHaveLength(1);
      },
    );

    it('makes get and read reject', async () => {
      for (const verb of ['get', 'read'] as const) {
        fake.fail({ method: 'lookup', answer: code, times: 2 });
        expect(await failed(verbs[verb](store, undefined))).toMatchObject({ isRefusal, cause: { code } });
        fake.heal();
      }
    });
  });

  it('is no refusal when it is the client that finds an answer too large', async () => {
    const client = ownClient(fake.address, { 'grpc.max_receive_message_length': 1 });
    const theirs = new DatastoreStore(client);
    const error = await failed(theirs.set('key', 'value', 60));
    expect(error).toMatchObject({ isRefusal: false, cause: { code: 8 } });
    expect(await store.get('key')).toBe('value');
  });

  it('is no miss for a lookup that Datastore puts off', async () => {
    await stored();
    fake.fail({ method: 'lookup', answer: 'deferred' });
    await expect(store.get('key')).rejects.toThrow(SessionStoreError);
    expect(await store.get('key')).toBe('value');
  });

  it('NOT_FOUND, about a database that does not exist, is an outage and no missing record', async () => {
    const version = await stored();
    const fault: Omit<Fault, 'method'> = {
      answer: 5,
      details: 'The database (default) does not exist for project tests',
    };
    fake.fail({ method: 'commit', ...fault });
    fake.fail({ method: 'lookup', ...fault });
    expect(await failed(store.replace('key', 'new', 60, version))).toMatchObject({ isRefusal: true });
    for (const verb of ['get', 'delete'] as const) {
      fake.fail({ method: 'lookup', ...fault });
      expect(await failed(verbs[verb](store, version))).toMatchObject({ isRefusal: true });
    }
  });

  it('ABORTED, because of too many others, changes nothing: the write is sent again until it gets through', async () => {
    for (const verb of writes) {
      const version = await stored();
      fake.fail({ method: 'commit', answer: 10, times: 3 });
      await verbs[verb](store, version);
      expect(fake.calls.filter((call) => call === 'commit')).toHaveLength(4);
    }
    expect(await store.get('new-key')).toBe('new');
  });

  it('ABORTED without an end is an outage within the deadline, and nothing is sent after it', async () => {
    const version = await stored();
    fake.fail({ method: 'commit', answer: 10, times: 1000 });
    const outcomes = await Promise.all(writes.map((verb) => failed(verbs[verb](store, version))));
    for (const error of outcomes) expect(error).toMatchObject({ message: expect.stringContaining('within 1000 ms') });
    // What was under way arrives before this.
    expect(await store.get('key')).toBe('value');
    const sent = fake.calls.length;
    expect(await store.get('new-key')).toBeUndefined();
    expect(fake.calls.slice(sent)).toEqual(['lookup']);
  });
});

describe('A reply that gets lost', () => {
  it.each(writes)('after %s was carried out is an error, and the write is not sent again', async (verb) => {
    const version = await stored();
    fake.fail({ method: 'commit', answer: 'break', isCarriedOut: true });
    const error = await failed(verbs[verb](store, version));
    expect(error).toMatchObject({ name: 'SessionStoreError', isRefusal: false });
    expect(fake.calls.filter((call) => call === 'commit')).toHaveLength(1);
    expect(await eventually(() => store.get('key'))).toBe(
      { set: 'new', delete: undefined, create: 'value', replace: 'new' }[verb],
    );
  });

  it('to a lookup is asked for once more', async () => {
    await stored();
    fake.fail({ method: 'lookup', answer: 'break' });
    expect(await store.get('key')).toBe('value');
    expect(fake.calls).toEqual(['lookup', 'lookup']);
  });
});

describe('A connection that breaks', () => {
  it.each(['loseCommand', 'loseReplyTo'] as const)(
    'under a write (%s) is an error, and the write is not sent again',
    async (lose) => {
      const proxy = await TcpProxy.start(fake.port);
      leftovers.push(() => proxy.stop());
      const through = await connect(`127.0.0.1:${proxy.port}`);
      const version = await stored();
      const sends: Record<string, (value: string) => Promise<unknown>> = {
        create: (value) => through.create('new-key', value, 60),
        replace: (value) => through.replace('key', value, 60, version),
        set: (value) => through.set('key', value, 60),
      };
      for (const [verb, send] of Object.entries(sends)) {
        const value = `${lose} under ${verb}`;
        proxy[lose](value);
        expect(await failed(send(value))).toMatchObject({ name: 'SessionStoreError', isRefusal: false });
        await eventually(() => through.get('key'));
        expect(proxy.timesSent(value)).toBe(1);
      }
    },
  );

  it('under a read is no error', async () => {
    const proxy = await TcpProxy.start(fake.port);
    leftovers.push(() => proxy.stop());
    const through = await connect(`127.0.0.1:${proxy.port}`);
    await through.set('read-key', 'value');
    proxy.loseReplyTo('read-key');
    expect(await through.get('read-key')).toBe('value');
    expect(proxy.timesSent('read-key')).toBe(3);
  });
});

const stores: readonly (readonly [string, (host: string) => Promise<DatastoreStore>])[] = [
  ['a client of its own', (host) => connect(host)],
  ['a client of yours', async (host) => DatastoreStore.connect({ client: ownClient(host) })],
];

describe.each(stores)('A Datastore that fails, with %s', (_name, makeStore) => {
  it('is an error of every verb when it hangs, and answers again as soon as it goes on', async () => {
    const version = await stored();
    const hanging = await makeStore(fake.address);
    for (const method of ['lookup', 'commit'] as const) fake.fail({ method, answer: 'hang', times: 100 });
    const outcomes = await Promise.allSettled(Object.values(verbs).map((verb) => verb(hanging, version)));
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({
        status: 'rejected',
        reason: {
          message: expect.stringMatching(/^Datastore did not answer within 1000 ms: check that/),
          isRefusal: false,
        },
      });
    }
    fake.heal();
    expect(await hanging.get('key')).toBe('value');
  });

  it('does not keep an application from starting when it is down, and is used once it is there', async () => {
    const version = await stored();
    fake.stop();
    const waiting = await makeStore(fake.address);
    for (const verb of Object.values(verbs)) await expect(verb(waiting, version)).rejects.toThrow(SessionStoreError);
    await fake.restart();
    expect(await eventually(() => waiting.get('key'))).toBe('value');
  });

  it('is used again after a restart', async () => {
    await stored();
    const used = await makeStore(fake.address);
    expect(await used.get('key')).toBe('value');
    fake.stop();
    await Promise.allSettled(Array.from({ length: 20 }, () => used.get('key')));
    await fake.restart();
    expect(await eventually(() => used.get('key'))).toBe('value');
  });
});

describe('A connection that went silent', () => {
  it('is replaced by another one, if it is one of our own', async () => {
    const proxy = await TcpProxy.start(fake.port);
    leftovers.push(() => proxy.stop());
    const through = await connect(`127.0.0.1:${proxy.port}`);
    await through.set('key', 'value');
    proxy.freeze();
    await expect(through.get('key')).rejects.toThrow(SessionStoreError);
    expect(await eventually(() => through.get('key'))).toBe('value');
  });

  it('is not what one late command makes of it, while others get their answers', async () => {
    await stored();
    fake.fail({ method: 'commit', answer: 'hang' });
    const late = failed(store.set('key', 'late', 60));
    const open = setInterval(() => void store.get('key'), 50);
    expect(await late).toMatchObject({ message: expect.stringContaining('within 1000 ms') });
    clearInterval(open);
    expect(await store.get('key')).toBe('value');
    expect(fake.connections.size).toBe(1);
  });
});

describe('An error', () => {
  it('holds neither the key nor the record, nor what the server says beside its text', async () => {
    const keys = ['secret-session-key', 'secret "session" key \u00fc'];
    for (const key of keys) {
      for (const [code, details] of [
        [13, `internal trouble with EntityRef{path=/NestSession/${key}}`],
        [7, `no access to path < Element { name: ${JSON.stringify(key)} } >`],
      ] as const) {
        fake.fail({ method: 'commit', answer: code, details });
        const error = (await failed(store.set(key, 'secret record', 60))) as Error;
        expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('secret');
        expect(error.cause).toMatchObject({ code });
        expect(error.cause).not.toHaveProperty('metadata');
      }
    }
  });

  it('keeps what the server says to its operator', async () => {
    const details = 'Cloud Datastore API has not been used in project tests before or it is disabled.';
    fake.fail({ method: 'lookup', answer: 7, details });
    const error = (await failed(store.get('a-key'))) as Error;
    expect((error.cause as Error).message).toContain(details);
  });

  it('says what to do where there are no credentials', async () => {
    const client: DatastoreClient = {
      request_: (_request, done) => done(new Error('Could not load the default credentials.')),
    };
    const error = (await failed(new DatastoreStore(client).get('key'))) as Error;
    expect(error.message).toMatch(
      /credentials, of GOOGLE_APPLICATION_CREDENTIALS, of "gcloud auth application-default login"/,
    );
    expect(error).toMatchObject({ isRefusal: false, cause: { message: 'Could not load the default credentials.' } });
  });
});

describe('What is refused before anything is sent', () => {
  it.each([
    ['an empty key', '', 'is empty'],
    ['a reserved key', '__key__', 'two underscores'],
    ['a reserved key of several lines', '__\n__', 'two underscores'],
    ['a key of more than 1500 bytes', 'é'.repeat(751), 'more than 1500 bytes'],
    ['half of a surrogate pair', 'a\ud800', 'surrogate'],
  ])('%s', async (_name, key, reason) => {
    for (const refused of [
      store.get(key),
      store.set(key, 'value'),
      store.create(key, 'value', 60),
      store.delete(key),
    ]) {
      const error = (await failed(refused)) as Error;
      expect(error).toBeInstanceOf(SessionConfigurationError);
      expect(error.message).toContain(reason);
    }
    expect(fake.calls).toEqual([]);
  });

  it.each([0, -1, 1.5, NaN])('the lifetime %d', async (ttl) => {
    for (const refused of [
      store.set('key', 'v', ttl),
      store.create('key', 'v', ttl),
      store.replace('key', 'v', ttl, 1),
    ]) {
      await expect(refused).rejects.toThrow(SessionConfigurationError);
    }
    expect(fake.calls).toEqual([]);
  });

  it('keys of 1500 bytes are taken', async () => {
    const key = 'k'.repeat(1500);
    await store.set(key, 'value', 60);
    expect(await store.get(key)).toBe('value');
  });
});

describe('The options', () => {
  it.each([
    [{ kind: '' }, /^datastore\.kind is empty/],
    [{ kind: '__Stat__' }, /^datastore\.kind begins and ends with two underscores/],
    [{ kind: 7 as never }, /^datastore\.kind is no text/],
    [{ namespace: 'with blank' }, /^datastore\.namespace has up to 100/],
    [{ namespace: '__internal__' }, /^datastore\.namespace has up to 100/],
    [{ request_: () => {} }, /^datastore is a client: write \{ client \}/],
    [
      { client: {} as never },
      /^The given Datastore client has no request_: pass a Datastore of @google-cloud\/datastore/,
    ],
    [{ client: 'client' as never }, /^The given Datastore client is not a client: pass/],
    [{ projectId: 'p', apiEndpoint: 7 }, /^datastore: @google-cloud\/datastore refused its options; see the cause\.$/],
  ])('%j are refused', async (options, message) => {
    const error = (await failed(DatastoreStore.connect(options))) as Error;
    expect(error).toBeInstanceOf(SessionConfigurationError);
    expect(error.message).toMatch(message);
  });

  it('refuse a transaction, whose first commit would end it', () => {
    const transaction = ownClient(fake.address).transaction();
    expect(() => new DatastoreStore(transaction as never)).toThrow(/is a Transaction/);
  });

  it('kind, namespace and database keep records apart', async () => {
    const apart = [
      store,
      await connect(fake.address, { kind: 'Visit' }),
      await connect(fake.address, { namespace: 'other' }),
      await connect(fake.address, { databaseId: 'second' }),
      new DatastoreStore(ownClient(fake.address, { namespace: 'theirs' })),
      new DatastoreStore(ownClient(fake.address, { namespace: 'theirs' }), { namespace: 'mine' }),
    ];
    for (const [index, each] of apart.entries()) await each.create('key', `value ${index}`, 60);
    for (const [index, each] of apart.entries()) expect(await each.get('key')).toBe(`value ${index}`);
  });

  it('a client of yours stays open and unchanged, and the store takes no more commands after close', async () => {
    const client = ownClient(fake.address);
    const theirs = new DatastoreStore(client);
    await theirs.set('key', 'value', 60);
    await theirs.close();
    await theirs.close();
    await expect(theirs.get('key')).rejects.toThrow('the store is closed');
    const [entity] = (await client.get(client.key(['NestSession', 'key']))) as { value: Buffer }[];
    expect(entity?.value.toString()).toBe('value');
  });

  it('a client of our own is closed after the answers that it waits for', async () => {
    const closing = await connect(fake.address);
    const answer = closing.set('key', 'value', 60);
    await closing.close();
    await expect(answer).resolves.toBeUndefined();
    await expect(closing.get('key')).rejects.toThrow('the store is closed');
  });
});

describe('What another program wrote', () => {
  it.each([
    ['a string', { value: 'text' }, 'text'],
    ['bytes that are no UTF-8', { value: Buffer.from([0x61, 0xff]) }, 'a\ufffd'],
    ['a number', { value: 7 }, ''],
    ['nothing that we know', { other: true }, ''],
  ])('as %s is read, and replaced by compare-and-set', async (_name, data, text) => {
    const client = ownClient(fake.address);
    await client.save({ key: client.key(['NestSession', 'key']), data });
    const record = await store.read('key');
    expect(record?.value).toBe(text);
    expect(await store.create('key', 'new', 60)).toBe(false);
    expect(await store.replace('key', 'new', 60, record?.version)).toBe('replaced');
    expect(await store.get('key')).toBe('new');
  });

  it('with a version that is none of a read is a conflict', async () => {
    await stored();
    for (const version of [undefined, null, '1', 7, {}]) {
      expect(await store.replace('key', 'new', 60, version)).toBe('conflict');
      expect(await store.replace('nothing', 'new', 60, version)).toBe('missing');
    }
  });

  it('after a restore from a backup, which has an older version, is a conflict', async () => {
    fake.ahead = 5000;
    const version = await stored();
    const restored = await FakeDatastore.start();
    leftovers.push(() => restored.stop());
    const there = await connect(restored.address);
    await there.set('key', 'restored', 60);
    expect(await there.replace('key', 'new', 60, version)).toBe('conflict');
    expect(await there.get('key')).toBe('restored');
  });
});
