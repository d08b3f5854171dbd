import { drizzle } from 'drizzle-orm/node-postgres';
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { describe, inject } from 'vitest';
import { PostgresStore } from '../../lib/stores/postgres/postgres.store.js';
import { describeSessionStore } from '../../lib/testing/describe-session-store.js';
import { startPgBouncer } from '../fixtures/postgres-server.mjs';
import { prismaClient } from '../fixtures/prisma-client.mjs';
import { storeRunner } from '../fixtures/store-runner.js';

type Made = { readonly store: PostgresStore; readonly end: () => Promise<unknown> };

const url = (): string => inject('postgresUrl');

function poolOf(options: string): Made {
  const pool = new Pool({ connectionString: url(), options });
  return { store: new PostgresStore(pool), end: () => pool.end() };
}

const clients: readonly (readonly [string, () => Made | Promise<Made>])[] = [
  ['your Pool', () => poolOf('')],
  ['your Pool under REPEATABLE READ', () => poolOf(String.raw`-c default_transaction_isolation=repeatable\ read`)],
  ['your Pool under SERIALIZABLE', () => poolOf('-c default_transaction_isolation=serializable')],
  [
    'Prisma',
    () => {
      const prisma = prismaClient(url());
      const store = new PostgresStore({ query: (sql, parameters) => prisma.$queryRawUnsafe(sql, ...parameters) });
      return { store, end: () => prisma.$disconnect() };
    },
  ],
  [
    'Drizzle',
    () => {
      const db = drizzle(url());
      return { store: new PostgresStore(db.$client), end: () => db.$client.end() };
    },
  ],
  [
    'TypeORM',
    async () => {
      const dataSource = await new DataSource({ type: 'postgres', url: url() }).initialize();
      return { store: new PostgresStore(dataSource), end: () => dataSource.destroy() };
    },
  ],
  [
    // MikroORM 7 gives its own as orm.em.getConnection().getClient().
    'Kysely',
    () => {
      const db = new Kysely<never>({ dialect: new PostgresDialect({ pool: new Pool({ connectionString: url() }) }) });
      const store = new PostgresStore({
        query: (sql, parameters) => db.executeQuery(CompiledQuery.raw(sql, parameters)),
      });
      return { store, end: () => db.destroy() };
    },
  ],
  [
    'a client of its own through PgBouncer',
    async () => {
      const pooler = await startPgBouncer(Number(new URL(url()).port));
      const store = await PostgresStore.connect({ url: `postgres://postgres@${pooler.address}/postgres` });
      return { store, end: () => pooler.stop() };
    },
  ],
  [
    'a table and a schema with names of your own',
    async () => {
      const pool = new Pool({ connectionString: url() });
      await pool.query('CREATE SCHEMA IF NOT EXISTS "Select"');
      const store = new PostgresStore(pool, { schema: 'Select', table: 'User', unlogged: true });
      return { store, end: () => pool.end() };
    },
  ],
];

describeSessionStore(
  'PostgresStore with a client of its own: every promise',
  async () => {
    const store = await PostgresStore.connect({ url: url() });
    const other = new Pool({ connectionString: url() });
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

describe.concurrent.each(clients)('PostgresStore on %s', (_name, make) => {
  describeSessionStore(
    'every promise',
    async () => {
      const { store, end } = await make();
      return {
        store,
        close: async () => {
          await store.close();
          await end();
        },
      };
    },
    storeRunner,
  );
});
