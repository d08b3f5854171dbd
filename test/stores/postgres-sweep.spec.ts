import { randomUUID } from 'node:crypto';
import { Client, Pool } from 'pg';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { PostgresStore, type PostgresTableOptions } from '../../lib/stores/postgres/postgres.store.js';
import { ChildProgram, runProgram } from '../fixtures/child-program.js';
import { eventually } from '../fixtures/eventually.js';
import { TcpProxy } from '../fixtures/tcp-proxy.js';

const leftovers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of leftovers.splice(0).toReversed()) await end();
});

/** A table of our own on the shared server. */
async function table(): Promise<{
  schema: string;
  client: Client;
  store(options?: PostgresTableOptions): PostgresStore;
}> {
  const client = new Client(inject('postgresUrl'));
  await client.connect();
  const schema = `s_${randomUUID().replaceAll('-', '')}`;
  await client.query(`CREATE SCHEMA ${schema}`);
  await client.query(PostgresStore.schema({ schema }));
  leftovers.push(() => client.end());
  const store = (options: PostgresTableOptions = { sweepInterval: false }): PostgresStore => {
    const pool = new Pool({ connectionString: inject('postgresUrl') });
    const made = new PostgresStore(pool, { schema, ...options });
    leftovers.push(async () => {
      await made.close();
      await pool.end();
    });
    return made;
  };
  return { schema, client, store };
}

async function fill(client: Client, schema: string, rows: number): Promise<void> {
  await client.query(
    `INSERT INTO ${schema}.nest_session (key, value, version, expires_at)
     SELECT 'expired:' || n, 'value', n, now() - interval '2 hours' FROM generate_series(1, ${rows}) AS n`,
  );
}

async function keysOf(client: Client, schema: string): Promise<string[]> {
  const { rows } = await client.query<{ key: string }>(`SELECT key FROM ${schema}.nest_session ORDER BY key`);
  return rows.map(({ key }) => key);
}

describe('A sweep', () => {
  it('deletes what had expired before this hour, and nothing else', async () => {
    const { schema, client, store } = await table();
    const swept = store();
    await fill(client, schema, 3);
    await swept.set('living', 'value', 60);
    await swept.set('staying', 'value');
    expect(await swept.sweep()).toBe(3);
    expect(await keysOf(client, schema)).toEqual(['living', 'staying']);
    expect(await swept.sweep()).toBe(0);
  });

  it('goes on over more rows than one batch', async () => {
    const { schema, client, store } = await table();
    await fill(client, schema, 2500);
    expect(await store().sweep()).toBe(2500);
  });

  it('goes on with fewer rows at once where a batch takes too long', async () => {
    const { schema, client, store } = await table();
    await fill(client, schema, 600);
    await client.query(`
      CREATE FUNCTION ${schema}.slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.003); RETURN old; END';
      CREATE TRIGGER slow BEFORE DELETE ON ${schema}.nest_session FOR EACH ROW EXECUTE FUNCTION ${schema}.slow();`);
    expect(await store().sweep()).toBe(600);
    expect(await keysOf(client, schema)).toEqual([]);
  });

  it('is shared by four processes: each row is deleted by one, and none is left', async () => {
    const { schema, client } = await table();
    await fill(client, schema, 10_000);
    const program = await ChildProgram.build(`
      import { PostgresStore } from '~/lib/stores/postgres/postgres.store.ts';
      const store = await PostgresStore.connect({ url: process.env.URL, schema: '${schema}' });
      console.log(await store.sweep());
      await store.close();
    `);
    leftovers.push(() => program.remove());
    const results = await Promise.all([1, 2, 3, 4].map(() => program.run({ URL: inject('postgresUrl') })));
    expect(results.reduce((sum, { stdout }) => sum + Number(stdout), 0)).toBe(10_000);
    expect(await keysOf(client, schema)).toEqual([]);
  });

  it('waits for no row that a request holds', async () => {
    const { schema, client, store } = await table();
    await fill(client, schema, 3);
    await client.query('BEGIN');
    await client.query(`SELECT 1 FROM ${schema}.nest_session WHERE key = 'expired:2' FOR UPDATE`);
    const swept = store();
    expect(await swept.sweep()).toBe(2);
    await client.query('COMMIT');
    expect(await keysOf(client, schema)).toEqual(['expired:2']);
    expect(await swept.create('expired:2', 'again', 60)).toBe(true);
    expect(await swept.sweep()).toBe(0);
  });

  it('finds its rows by the index', async () => {
    const { schema, client } = await table();
    const statements: string[] = [];
    const swept = new PostgresStore(
      {
        query: (sql, parameters) => {
          statements.push(sql);
          return client.query(sql, parameters);
        },
      },
      { schema, sweepInterval: false },
    );
    await swept.sweep();
    await fill(client, schema, 10);
    await client.query('SET enable_seqscan = off');
    const { rows } = await client.query<Record<string, string>>(`EXPLAIN ${statements[0]}`, ['1000']);
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('nest_session_sweep');
  });
});

describe('The timer of the sweeps', () => {
  it('sweeps now and then, after a sweep that failed too, until the store is closed', async () => {
    const { schema, client } = await table();
    const proxy = await TcpProxy.start(Number(new URL(inject('postgresUrl')).port));
    leftovers.push(() => proxy.stop());
    const url = `postgres://postgres@127.0.0.1:${proxy.port}/postgres`;
    const store = await PostgresStore.connect({ url, schema, sweepInterval: 1 });
    leftovers.push(() => store.close());
    proxy.loseCommand('DELETE');
    await fill(client, schema, 3);
    await eventually(async () => expect(await keysOf(client, schema)).toEqual([]));
    expect(proxy.timesSent('DELETE')).toBeGreaterThan(1);
    await store.close();
    const sent = proxy.timesSent('DELETE');
    await fill(client, schema, 1);
    expect(await store.sweep()).toBe(0);
    expect([proxy.timesSent('DELETE'), await keysOf(client, schema)]).toEqual([sent, ['expired:1']]);
  });

  it('tells once that it may not delete, and again only after it has deleted', async () => {
    const { schema, client } = await table();
    const role = `${schema}_role`;
    await client.query(`
      CREATE ROLE ${role} LOGIN; GRANT USAGE ON SCHEMA ${schema} TO ${role};
      GRANT SELECT, INSERT, UPDATE ON ${schema}.nest_session TO ${role};`);
    leftovers.push(() => client.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`));
    const warnings: string[] = [];
    const hear = ({ name, message }: Error): void => void (name === 'PostgresStore' && warnings.push(message));
    process.on('warning', hear);
    leftovers.push(async () => process.off('warning', hear));
    const url = new URL(inject('postgresUrl'));
    url.username = role;
    const pool = new Pool({ connectionString: url.href });
    let sweeps = 0;
    const counting = {
      query: (sql: string, parameters: (string | null)[]) => {
        sweeps++;
        return pool.query(sql, parameters);
      },
    };
    const store = new PostgresStore(counting, { schema, sweepInterval: 1 });
    leftovers.push(async () => {
      await store.close();
      await pool.end();
    });
    await fill(client, schema, 3);
    await eventually(async () => expect(sweeps).toBeGreaterThan(2));
    expect(warnings).toEqual([
      expect.stringMatching(
        /^Expired sessions stay in the table "s_\w+"\."nest_session" \(42501\): check that the role may SELECT, UPDATE and DELETE there/,
      ),
    ]);
    await client.query(`GRANT DELETE ON ${schema}.nest_session TO ${role}`);
    await eventually(async () => expect(await keysOf(client, schema)).toEqual([]));
    await client.query(`REVOKE DELETE ON ${schema}.nest_session FROM ${role}`);
    await eventually(async () => expect(warnings).toHaveLength(2));
  });

  it('keeps no process alive, nor does an idle pool', async () => {
    const program = `
      import { PostgresStore } from '~/lib/stores/postgres/postgres.store.ts';
      const store = await PostgresStore.connect({ url: process.env.URL, idleTimeoutMillis: 0 });
      await store.set('timer', 'value', 60);
      console.log(await store.get('timer'));
    `;
    const result = await runProgram(program, { drivers: 'installed', env: { URL: inject('postgresUrl') } });
    expect(result).toMatchObject({ code: 0, stdout: 'value\n', stderr: '' });
  });
});
