import { randomUUID } from 'node:crypto';
import { Client, Pool } from 'pg';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { PostgresStore } from '../../lib/stores/postgres/postgres.store.js';
import { eventually } from '../fixtures/eventually.js';
import { startPgBouncer } from '../fixtures/postgres-server.mjs';

const leftovers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of leftovers.splice(0).toReversed()) await end();
});

/** A table in a schema of our own, and a connection that may lock it. */
async function newTable(): Promise<{ schema: string; client: Client }> {
  const client = new Client(inject('postgresUrl'));
  await client.connect();
  leftovers.push(() => client.end());
  const schema = `s_${randomUUID().replaceAll('-', '')}`;
  await client.query(`CREATE SCHEMA ${schema}`);
  await client.query(PostgresStore.schema({ schema }));
  return { schema, client };
}

/** How many other connections have a statement on a table of the schema, or had one last. */
async function countUsers(client: Client, schema: string, where = 'true'): Promise<number> {
  const { rows } = await client.query<{ count: string }>(
    `SELECT count(*) FROM pg_stat_activity WHERE query LIKE $1 AND pid <> pg_backend_pid() AND ${where}`,
    [`%${schema}%`],
  );
  return Number(rows[0]!.count);
}

/** As many connections as PgBouncer has to the server. */
const MAX = 4;

interface Place {
  readonly store: PostgresStore;
  /** Resolves when no statement waits on its way to the server. */
  nothingWaits(): Promise<void>;
}

/** Statements beyond the few connections that PgBouncer has to the server wait within it. */
async function throughPgBouncer(schema: string): Promise<Place> {
  const pooler = await startPgBouncer(Number(new URL(inject('postgresUrl')).port));
  leftovers.push(() => pooler.stop());
  const console = new Client(`postgres://postgres@${pooler.address}/pgbouncer`);
  await console.connect();
  leftovers.push(() => console.end());
  const nothingWaits = (): Promise<void> =>
    eventually(async () => {
      const { rows } = await console.query<{ database: string; cl_waiting: number }>('SHOW POOLS');
      expect(rows.filter(({ database, cl_waiting }) => database === 'postgres' && cl_waiting !== 0)).toEqual([]);
    });
  const url = `postgres://postgres@${pooler.address}/postgres`;
  const store = await PostgresStore.connect({ url, schema, max: 2 * MAX });
  return { store, nothingWaits };
}

const makers: readonly (readonly [string, (schema: string) => Promise<Place>])[] = [
  [
    'a pool of its own',
    async (schema) => {
      const store = await PostgresStore.connect({ url: inject('postgresUrl'), schema, max: MAX });
      return { store, nothingWaits: async () => {} };
    },
  ],
  ['a pool through PgBouncer', throughPgBouncer],
  [
    'a Pool of yours',
    async (schema) => {
      const pool = new Pool({ connectionString: inject('postgresUrl'), max: MAX });
      leftovers.push(() => pool.end());
      return { store: new PostgresStore(pool, { schema }), nothingWaits: async () => {} };
    },
  ],
];

describe.each(makers)('A locked table and %s', (_name, make) => {
  it('leaves no statement at the server that the store has given up, and carries none out later', async () => {
    const { schema, client } = await newTable();
    const { store, nothingWaits } = await make(schema);
    leftovers.push(() => store.close());
    await store.set('before', 'value', 60);
    await client.query(`BEGIN; LOCK TABLE ${schema}.nest_session IN ACCESS EXCLUSIVE MODE`);
    const counts: number[] = [];
    for (let round = 0; round < 5; round++) {
      const writes = Array.from({ length: 12 }, (_, n) => store.set(`late:${round}:${n}`, 'value', 60));
      const outcomes = await Promise.allSettled(writes);
      expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
      counts.push(await countUsers(client, schema));
    }
    expect(Math.max(...counts)).toBeLessThanOrEqual(MAX);
    await nothingWaits();
    await eventually(async () => expect(await countUsers(client, schema, `wait_event_type = 'Lock'`)).toBe(0));
    await client.query('COMMIT');
    await eventually(() => store.set('after', 'value', 60));
    const { rows } = await client.query<{ key: string }>(`SELECT key FROM ${schema}.nest_session ORDER BY key`);
    expect(rows.map(({ key }) => key)).toEqual(['after', 'before']);
  });
});
