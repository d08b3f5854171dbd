import { randomUUID } from 'node:crypto';
import { once } from 'node:events';

import { MongoClient, type Collection, type Db } from 'mongodb';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { SessionModule } from '../../lib/index.js';
import { MongoStore, type MongoSource } from '../../lib/stores/mongo/mongo.store.js';
import { runProgram } from '../fixtures/child-program.js';
import { freePort, type ChildServer } from '../fixtures/child-server.mjs';
import { eventually } from '../fixtures/eventually.js';
import { startFakeMongo } from '../fixtures/mongo-server.mjs';

// On fake-mongod.mjs, which tells what came.

interface Document {
  readonly _id: string;
  readonly [field: string]: unknown;
}

let server: ChildServer;
let client: MongoClient;
let db: Db;
let collection: Collection<Document>;
let store: MongoStore;
let name: string;
let key: string;

beforeAll(async () => {
  server = await startFakeMongo();
  client = new MongoClient(`mongodb://${server.address}/test`);
});

afterAll(async () => {
  await client.close();
  await server.stop();
});

beforeEach(() => {
  name = `sessions_${randomUUID()}`;
  key = randomUUID();
  db = client.db();
  collection = db.collection<Document>(name);
  store = new MongoStore(client, { collection: name });
});

afterEach(() => store.close());

const indexesOf = async (): Promise<unknown[]> => db.collection(name).listIndexes().toArray();

const fail = (data: object): Promise<unknown> =>
  client.db('admin').command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data });

describe('What MongoStore sends', () => {
  /** The commands on the collection. */
  async function commands(): Promise<Record<string, unknown>[]> {
    const names = ['find', 'update', 'delete', 'insert', 'findAndModify', 'aggregate'];
    const { commands: all } = await client.db('admin').command({ sentCommands: 1, names });
    return (all as Record<string, unknown>[]).filter((command) => Object.values(command)[0] === name);
  }

  it('is one command a method, also where it changes nothing', async () => {
    await store.create(key, 'value', 60);
    const found = await store.read(key);
    expect(await store.create(key, 'value', 60)).toBe(false);
    expect(await store.replace(key, 'after', 60, found?.version)).toBe('replaced');
    expect(await store.replace(key, 'after', 60, found?.version)).toBe('conflict');
    await store.delete(key);
    expect(await store.replace(key, 'after', 60, found?.version)).toBe('missing');
    expect((await commands()).map((command) => Object.keys(command)[0])).toEqual([
      'update',
      'find',
      'update',
      'update',
      'update',
      'delete',
      'update',
    ]);
  });

  it('waits for a majority, reads from the primary and leaves no command behind, whatever your client is set to', async () => {
    const other = new MongoClient(`mongodb://${server.address}/test`, {
      writeConcern: { w: 0 },
      readPreference: 'secondaryPreferred',
      readConcernLevel: 'available',
    });
    const theirs = new MongoStore(other, { collection: name });
    await theirs.set(key, 'value', 60);
    await theirs.read(key);
    await theirs.delete(key);
    const [update, find, remove] = await commands();
    await other.close();
    expect(update).toMatchObject({ writeConcern: { w: 'majority' }, maxTimeMS: 1000 });
    expect(find).toMatchObject({ readConcern: { level: 'local' }, maxTimeMS: 1000 });
    expect(find).not.toHaveProperty('$readPreference');
    expect(remove).toMatchObject({ writeConcern: { w: 'majority' }, maxTimeMS: 1000 });
  });

  it('measures lifetimes by the clock of the server', async () => {
    await store.set(key, 'value', 60);
    const [update] = await commands();
    expect(JSON.stringify(update)).toContain('{"$add":["$$NOW",60000]}');
  });
});

describe('A document', () => {
  it('has the key, the value, a version and a date', async () => {
    await store.set(key, 'value', 60);
    expect(await collection.findOne({ _id: key })).toEqual({
      _id: key,
      value: 'value',
      version: expect.any(String),
      expiresAt: expect.any(Date),
    });
    await store.set(key, 'value');
    expect(await collection.findOne({ _id: key })).not.toHaveProperty('expiresAt');
  });

  it.each([
    ['no text', { value: 5, version: 'v' }],
    ['no value', { session: '{}' }],
    ['a date in the past', { value: 'text', version: 'v', expiresAt: new Date(0) }],
    ['a number for a date', { value: 'text', version: 'v', expiresAt: 9e15 }],
  ])('that another program wrote is no record with %s', async (_what, fields) => {
    await collection.insertOne({ _id: key, ...fields });
    expect(await store.get(key)).toBeUndefined();
    expect(await store.delete(key)).toBe(false);
    expect(await store.replace(key, 'value', 60, 'v')).toBe('missing');
    expect(await store.create(key, 'value', 60)).toBe(true);
    expect(await store.get(key)).toBe('value');
  });

  it('without a version is a record, and is replaced once', async () => {
    await collection.insertOne({ _id: key, value: 'theirs' });
    const found = await store.read(key);
    expect(found?.value).toBe('theirs');
    expect(await store.replace(key, 'first', 60, found?.version)).toBe('replaced');
    expect(await store.replace(key, 'second', 60, found?.version)).toBe('conflict');
  });

  it.each(['$where', '$$ROOT', '$value', '{"$gt":""}', '', 'a\0b'])(
    'keeps %j as a key and as a value',
    async (text) => {
      const odd = `${text}${key}`;
      await store.set(odd, text, 60);
      const found = await store.read(odd);
      expect(found?.value).toBe(text);
      expect(await store.replace(odd, text, 60, found?.version)).toBe('replaced');
      expect(await store.create(odd, text, 60)).toBe(false);
      expect(await store.delete(odd)).toBe(true);
    },
  );

  it('holds 15 million bytes', async () => {
    const value = 'x'.repeat(15_000_000);
    await store.set(key, value, 60);
    expect((await store.get(key))?.length).toBe(value.length);
    await expect(store.set(key, value + value, 60)).rejects.toMatchObject({ code: 'SESSION_TOO_LARGE' });
  });

  it('lives as long as there are whole numbers', async () => {
    await store.set(key, 'value', Number.MAX_SAFE_INTEGER);
    expect(await store.get(key)).toBe('value');
  });
});

describe('The index that deletes expired records', () => {
  const INDEX = expect.objectContaining({ key: { expiresAt: 1 }, expireAfterSeconds: 0 });

  it('is made when the store connects', async () => {
    const own = await MongoStore.connect({ url: `mongodb://${server.address}/test`, collection: name });
    await eventually(async () => expect(await indexesOf()).toEqual([INDEX]));
    await own.close();
  });

  it('is made with the first command on a client of yours', async () => {
    expect(await indexesOf()).toEqual([]);
    await store.get(key);
    await eventually(async () => expect(await indexesOf()).toEqual([INDEX]));
  });

  it('is made again after an outage, as the server may be another one', async () => {
    const another = await startFakeMongo();
    const own = await MongoStore.connect({ url: `mongodb://${another.address}/test`, collection: name });
    await eventually(() => own.set(key, 'value', 60));
    await another.stop();
    await expect(own.get(key)).rejects.toThrow('MongoDB');
    await another.restart();
    const theirs = new MongoClient(`mongodb://${another.address}/test`);
    await eventually(async () => {
      await own.get(key);
      expect(await theirs.db().collection(name).listIndexes().toArray()).toEqual([INDEX]);
    });
    await Promise.all([own.close(), theirs.close()]);
    await another.stop();
  });

  it('is told of once where the server refuses it, and the store works', async () => {
    await fail({ failCommands: ['createIndexes'], errorCode: 13 });
    const warned = once(process, 'warning');
    await store.set(key, 'value', 60);
    const [warning] = (await warned) as [Error & { code: string }];
    expect(warning.code).toBe('NEST_SESSION_MONGO_INDEX');
    expect(warning.message).toContain('createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 })');
    await store.get(key);
    expect(await indexesOf()).toEqual([]);
  });
});

describe('The options of MongoStore', () => {
  it.each(['localhost:27017', 'http://localhost', 'mongodb://', 'mongodb://user:pass word@', '', 27_017])(
    'refuse the URL %s, and do not repeat it',
    async (url) => {
      const error: unknown = await MongoStore.connect({ url: url as string }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'SESSION_CONFIGURATION' });
      const { message, cause } = error as Error;
      expect(`${message} ${String(cause)}`).not.toContain('pass word');
    },
  );

  it('refuse what the driver refuses', async () => {
    await expect(MongoStore.connect({ maxPoolSize: -1 })).rejects.toMatchObject({
      code: 'SESSION_CONFIGURATION',
      cause: expect.any(Error),
    });
  });

  it('say how to pass a client', async () => {
    await expect(MongoStore.connect(client as never)).rejects.toThrow('mongo is a client: write { client }');
    const theirs = await MongoStore.connect({ client, collection: name });
    await theirs.set(key, 'value', 60);
    await theirs.close();
    expect(await store.get(key)).toBe('value');
  });

  it.each(['', 'system.users', 'a$b', 'a..b', 'a.', '1a', 'a\0', 'x'.repeat(121), 7])(
    'refuse the collection %j',
    (collection_) => {
      expect(() => new MongoStore(client, { collection: collection_ as string })).toThrow('mongo.collection has');
    },
  );

  it.each(['', 'a.b', 'a b', 'x'.repeat(64)])('refuse the database %j', (database) => {
    expect(() => new MongoStore(client, { database })).toThrow('mongo.database has');
  });

  it.each([
    [{}, 'neither db() nor collection()'],
    [null, 'neither db() nor collection()'],
    [{ collection: () => ({ findOne: () => {} }) }, 'have no updateOne, deleteOne, createIndex'],
  ])('refuse %o for a client', (source, message) => {
    expect(() => new MongoStore(source as MongoSource)).toThrow(message);
  });

  it('name the database of a client, not of a Db', async () => {
    await new MongoStore(client, { database: 'elsewhere', collection: name }).set(key, 'value', 60);
    expect(await client.db('elsewhere').collection<Document>(name).findOne({ _id: key })).toMatchObject({
      value: 'value',
    });
    expect(() => new MongoStore(db, { database: 'elsewhere' })).toThrow('a database already');
  });

  it('refuse a lifetime that is none, before it is sent', async () => {
    const away = await MongoStore.connect({ url: `mongodb://127.0.0.1:${await freePort()}` });
    for (const ttl of [0, -1, 0.5, NaN]) {
      await expect(away.set(key, 'value', ttl)).rejects.toMatchObject({ code: 'SESSION_CONFIGURATION' });
      await expect(away.create(key, 'value', ttl)).rejects.toMatchObject({ code: 'SESSION_CONFIGURATION' });
      await expect(away.replace(key, 'value', ttl, 'v')).rejects.toMatchObject({ code: 'SESSION_CONFIGURATION' });
    }
    await away.close();
  });

  it('fit the options of the module', () => {
    SessionModule.forRoot({ store: 'mongo', mongo: { url: 'mongodb://host/database', maxPoolSize: 10 } });
    SessionModule.forRoot({ store: 'mongo', mongo: { client, collection: name } });
  });

  it('need a driver, and say what to install', async () => {
    const program = `
      import { MongoStore } from '~/lib/stores/mongo/mongo.store.ts';
      await MongoStore.connect({}).catch((error) => console.log(error.code, error.message));
    `;
    const { stdout } = await runProgram(program, { drivers: 'missing' });
    expect(stdout).toMatch(/^SESSION_CONFIGURATION .*npm i mongodb\n$/);
  });
});

describe('MongoStore', () => {
  it('leaves a client of yours open and as it was, when it is closed', async () => {
    const listeners = (): unknown => client.eventNames().map((event) => [event, client.listenerCount(event)]);
    const before = listeners();
    const another = new MongoStore(db, { collection: name });
    expect(listeners()).not.toEqual(before);
    await another.set(key, 'value', 60);
    await Promise.all([another.close(), another.close()]);
    expect(listeners()).toEqual(before);
    expect(await client.db().command({ ping: 1 })).toMatchObject({ ok: 1 });
    await expect(another.get(key)).rejects.toThrow('the store is closed');
  });

  it('waits at close for the answers under way, and takes no more commands', async () => {
    const own = await MongoStore.connect({ url: `mongodb://${server.address}/test`, collection: name });
    const saved = own.set(key, 'value', 60);
    await Promise.all([own.close(), saved]);
    await expect(own.get(key)).rejects.toThrow('the store is closed');
    expect(await store.get(key)).toBe('value');
  });
});
