import { DEADLINE_MS } from '../back-end.js';
import type { PostgresClient, PostgresParameter } from './postgres-client.js';
import { isReadOnly, isRefused } from './postgres-errors.js';

/** The part of a `Pool` of `pg` that the store uses, if it is given one. */
export interface PgPool extends PostgresClient {
  readonly totalCount: number;
  readonly idleCount: number;
  connect(): Promise<PgPoolClient>;
}

/** A connection that was taken out of a pool. */
interface PgPoolClient extends PostgresClient {
  release(destroy?: boolean): void;
  on(event: 'error', listener: () => void): unknown;
  off(event: 'error', listener: () => void): unknown;
}

/** Whether this is a `Pool` of `pg`, and not something else with a `query`. */
export function isPgPool(client: PostgresClient): client is PgPool {
  const { totalCount, idleCount, connect } = client as Partial<PgPool>;
  return typeof totalCount === 'number' && typeof idleCount === 'number' && typeof connect === 'function';
}

/**
 * Sends statements on the connections of a pool. The pool's own `query` would close a connection with each statement that the server
 * refuses, and send a statement that waited in its queue for longer than the store waits for the answer.
 */
export class PostgresPool {
  readonly #pool: PgPool;
  #lastAnswer = -Infinity;

  constructor(pool: PgPool) {
    this.#pool = pool;
  }

  /** @param isWanted asked when there is a connection: whether anybody still waits for the answer. */
  async query(sql: string, parameters: PostgresParameter[], isWanted: () => boolean): Promise<unknown> {
    const client = await this.#pool.connect();
    if (!isWanted()) {
      client.release();
      return [];
    }
    // The error comes with the statement, too. Without a listener it would end the process.
    client.on('error', ignore);
    let isSound = true;
    try {
      return await client.query(sql, parameters);
    } catch (error) {
      isSound = isRefused(error) && !isReadOnly(error);
      throw error;
    } finally {
      if (isSound) this.#lastAnswer = performance.now();
      client.release(!isSound);
      client.off('error', ignore);
    }
  }

  /**
   * Drops the connections that wait for work, if the server said nothing for as long as a command may take: they may lead to a server
   * that hangs. If it is merely slow, new connections would make it slower.
   */
  dropIfSilent(): void {
    if (performance.now() - this.#lastAnswer >= DEADLINE_MS) this.dropIdle();
  }

  /** Drops the connections that wait for work: they may lead to a server that is no longer the primary. */
  dropIdle(): void {
    for (let count = this.#pool.idleCount; count > 0; count--) {
      this.#pool.connect().then((client) => client.release(true), ignore);
    }
  }
}

function ignore(): void {}
