import { MongoClient } from 'mongodb';
import { MongoClient as MongoClient6 } from 'mongodb-6';
import { describe, inject } from 'vitest';
import { MongoStore } from '../../lib/stores/mongo/mongo.store.js';
import { describeSessionStore } from '../../lib/testing/describe-session-store.js';
import { storeRunner } from '../fixtures/store-runner.js';

describeSessionStore(
  'MongoStore with a client of its own: every promise',
  async () => {
    const store = await MongoStore.connect({ url: inject('mongoUrl') });
    const other = new MongoClient(inject('mongoUrl'));
    const records = other.db().collection<{ _id: string; value: string }>('nest_session');
    return {
      store,
      readElsewhere: async (key) => (await records.findOne({ _id: key }))?.value,
      close: async () => {
        await Promise.all([store.close(), other.close()]);
      },
    };
  },
  storeRunner,
);

/** Settings of a client that would change what the store sends and reads. */
const HOSTILE = {
  retryWrites: false,
  promoteValues: false,
  promoteLongs: false,
  ignoreUndefined: true,
  readPreference: 'secondaryPreferred',
  readConcernLevel: 'available',
  writeConcern: { w: 0 },
} as const;

describe.concurrent.each([
  ['driver 7', () => new MongoClient(inject('mongoUrl'))],
  ['driver 6', () => new MongoClient6(inject('mongoUrl'))],
  ['driver 7 with other settings', () => new MongoClient(inject('mongoUrl'), HOSTILE)],
  ['driver 6 with other settings', () => new MongoClient6(inject('mongoUrl'), HOSTILE)],
  ['driver 7 whose answers stay BSON', () => new MongoClient(inject('mongoUrl'), { raw: true })],
])('MongoStore on %s', (_name, makeClient) => {
  describeSessionStore(
    'every promise',
    async () => {
      const client = makeClient();
      return { store: new MongoStore(client), close: () => client.close() };
    },
    storeRunner,
  );
});

describe.concurrent('MongoStore on a Db', () => {
  describeSessionStore(
    'every promise',
    async () => {
      const client = new MongoClient(inject('mongoUrl'));
      const store = new MongoStore(client.db('another'), { collection: 'theirs' });
      return { store, close: () => client.close() };
    },
    storeRunner,
  );
});
