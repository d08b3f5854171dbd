import { MongoClient } from 'mongodb';
import { MongoClient as MongoClient6 } from 'mongodb-6';
import { describe, inject } from 'vitest';
import { MongoStore } from '../../lib/stores/mongo/mongo.store.js';
import { describeSessionStore } from '../../lib/testing/describe-session-store.js';
import { storeRunner } from '../fixtures/store-runner.js';

/** The driver takes so much of a processor that the suites would hold each other up. */
const ONE_BY_ONE = { ...storeRunner, describe };

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
  ONE_BY_ONE,
);

/** Settings of a client of yours that would change what the store sends and reads. */
const HOSTILE = {
  raw: true,
  retryWrites: false,
  promoteValues: false,
  promoteLongs: false,
  ignoreUndefined: true,
  readPreference: 'secondaryPreferred',
  readConcernLevel: 'available',
  writeConcern: { w: 0 },
  maxPoolSize: 20,
} as const;

describe('MongoStore on your MongoClient of driver 6', () => {
  describeSessionStore(
    'every promise',
    async () => {
      const client = new MongoClient6(inject('mongoUrl'), { maxPoolSize: 20 });
      return { store: new MongoStore(client), close: () => client.close() };
    },
    ONE_BY_ONE,
  );
});

describe('MongoStore on your Db of driver 7 with other settings', () => {
  describeSessionStore(
    'every promise',
    async () => {
      const client = new MongoClient(inject('mongoUrl'), HOSTILE);
      const store = new MongoStore(client.db('another'), { collection: 'theirs' });
      return { store, close: () => client.close() };
    },
    ONE_BY_ONE,
  );
});
