import { Pool } from 'pg';
import { inject } from 'vitest';
import { PostgresStore } from '../../lib/stores/postgres/postgres.store.js';
import { describeSessionStore } from '../../lib/testing/describe-session-store.js';
import { storeRunner } from '../fixtures/store-runner.js';

describeSessionStore(
  'PostgresStore with a client of its own: every promise',
  async () => {
    const store = await PostgresStore.connect({ url: inject('postgresUrl') });
    const other = new Pool({ connectionString: inject('postgresUrl') });
    return {
      store,
      readElsewhere: async (key) => {
        const { rows } = await other.query<{ value: Buffer }>('SELECT value FROM nest_session WHERE key = $1', [key]);
        return rows[0]?.value.toString();
      },
      close: async () => {
        await Promise.all([store.close(), other.end()]);
      },
    };
  },
  storeRunner,
);
