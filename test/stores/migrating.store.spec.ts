import { describe } from 'vitest';

import { MigratingStore, type MigratingStoreOptions } from '../../lib/stores/migrating.store.js';
import { describeSessionStore } from '../../lib/testing/describe-session-store.js';
import { openBackEnd, type BackEnd } from '../fixtures/back-ends.js';
import { storeRunner } from '../fixtures/store-runner.js';

const SETTINGS: readonly [string, Pick<MigratingStoreOptions, 'moves' | 'keyPrefix'>][] = [
  ['moves sessions', { moves: true, keyPrefix: 'conformance:' }],
  ['follows sessions', { moves: false, keyPrefix: 'conformance:' }],
  ['moves sessions, for the values of an application', { moves: true, keyPrefix: 'session:' }],
  ['follows sessions, for the values of an application', { moves: false, keyPrefix: 'session:' }],
];

const PAIRS: readonly [BackEnd, BackEnd][] = [
  ['memory', 'redis'],
  ['redis', 'memcached'],
];

describe.concurrent.each(PAIRS)('MigratingStore from %s to %s', (fromName, toName) => {
  describe.concurrent.each(SETTINGS)('that %s', (_how, setting) => {
    describeSessionStore(
      'every promise',
      async () => {
        const [from, to] = [await openBackEnd(fromName), await openBackEnd(toName)];
        const store = new MigratingStore({ ...setting, from: from.store, to: to.store, ttlOf: () => undefined });
        return { store, close: async () => void (await Promise.all([from.close(), to.close()])) };
      },
      storeRunner,
    );
  });
});
