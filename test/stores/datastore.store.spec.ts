import { Datastore } from '@google-cloud/datastore';
import { inject } from 'vitest';
import { DATASTORE_VALUE_MAX_BYTES } from '../../lib/stores/datastore/datastore-record.js';
import { DatastoreStore } from '../../lib/stores/datastore/datastore.store.js';
import { describeSessionStore } from '../../lib/testing/describe-session-store.js';
import { datastoreOptions } from '../fixtures/back-end-table.js';
import { hasDatastoreEmulator, startDatastoreEmulator } from '../fixtures/datastore-server.mjs';
import { FakeDatastore } from '../fixtures/fake-datastore.js';
import { storeRunner } from '../fixtures/store-runner.js';

interface Server {
  readonly address: string;
  stop(): unknown;
}

/** The Datastores that this machine has. The shared one is a fake where it has no emulator. */
const servers: readonly (readonly [string, () => Promise<Server>])[] = [
  ['the shared Datastore', async () => ({ address: inject('datastoreHost'), stop: () => {} })],
  ['a fake that counts what it is asked', () => FakeDatastore.start()],
  ...(hasDatastoreEmulator('firestore')
    ? [['the emulator of Firestore in Datastore mode', () => startDatastoreEmulator('firestore')] as const]
    : []),
];

for (const [name, start] of servers) {
  describeSessionStore(
    `DatastoreStore with a client of its own, on ${name}: every promise`,
    async () => {
      const server = await start();
      const settings = { ...datastoreOptions(server.address), namespace: 'sessions' };
      const store = await DatastoreStore.connect({ ...settings, kind: 'Visit' });
      const elsewhere = new Datastore(settings);
      return {
        store,
        maxValueBytes: DATASTORE_VALUE_MAX_BYTES,
        readElsewhere: async (key) => {
          const [entity] = (await elsewhere.get(elsewhere.key(['Visit', key]))) as { value: Buffer }[];
          return entity?.value.toString();
        },
        close: async () => {
          await store.close();
          await server.stop();
        },
      };
    },
    storeRunner,
  );
}

describeSessionStore(
  'DatastoreStore with a client of yours: every promise',
  async () => {
    const client = new Datastore(datastoreOptions(inject('datastoreHost')));
    return { store: await DatastoreStore.connect({ client }) };
  },
  storeRunner,
);
