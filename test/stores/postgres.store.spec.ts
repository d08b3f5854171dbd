import { drizzle } from 'drizzle-orm/node-postgres';
import { CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import { Pool } from 'pg';
import { DataSource } from 'typeorm';
import { Controller, Get } from '@nestjs/common';
import { describe, expect, inject, it } from 'vitest';
import { Session, type SessionModuleOptions } from '../../lib/index.js';
import { PostgresStore } from '../../lib/stores/postgres/postgres.store.js';
import { describeSessionStore } from '../../lib/testing/describe-session-store.js';
import { startPgBouncer } from '../fixtures/postgres-server.mjs';
import { prismaClient } from '../fixtures/prisma-client.mjs';
import { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
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
    async () => {
      const prisma = prismaClient(url());
      await prisma.$connect();
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

describe.each(clients)('PostgresStore on %s', (_name, make) => {
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

@Controller()
class CountController {
  @Get()
  count(@Session() session: Session<{ n?: number }>): number {
    return (session.n = (session.n ?? 0) + 1);
  }
}

describe.each(platforms)("A module with store: 'postgres', on %s", (platform) => {
  it('keeps sessions by a URL, and by a client of yours, which it leaves open', async () => {
    const pool = new Pool({ connectionString: url() });
    const given: SessionModuleOptions['postgres'][] = [{ url: url(), max: 2 }, { client: pool }];
    const jar = new Map<string, string>();
    const counts: string[] = [];
    for (const postgres of given) {
      const app = await SessionApp.start(platform, {
        session: { store: 'postgres', postgres },
        controllers: [CountController],
      });
      for (let request = 0; request < 2; request++)
        counts.push(await (await new Client(app.port, jar).get('/')).text());
      await app.close();
    }
    expect(counts).toEqual(['1', '2', '3', '4']);
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }]);
    await pool.end();
  });
});
