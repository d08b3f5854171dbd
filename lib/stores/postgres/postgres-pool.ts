import { DEADLINE_MS } from '../back-end.js';
import type { PostgresClient, PostgresParameter } from './postgres-client.js';
import { CancellableStatement, type CancellingPool, type CancellableClient } from './postgres-cancel.js';
import { isReadOnly, isRefused } from './postgres-errors.js';

/** The part of a `Pool` of `pg` that the store uses, if it is given one. */
export interface PgPool extends PostgresClient, CancellingPool {
  readonly totalCount: number;
  readonly idleCount: number;
  connect(): Promise<PgPoolClient>;
}

/** A connection that was taken out of a pool. */
interface PgPoolClient extends PostgresClient, CancellableClient {
  release(destroy?: boolean): void;
  unref?(): void;
  on(event: 'error', listener: () => void): unknown;
  off(event: 'error', listener: () => void): unknown;
}

/** Whether this is a `Pool` of `pg`, and not something else with a `query`. */
export function isPgPool(client: PostgresClient): client is PgPool {
  const { totalCount, idleCount, connect } = client as Partial<PgPool>;
  return typeof totalCount === 'number' && typeof idleCount === 'number' && typeof connect === 'function';
}

/** Whoever waits for the answer to a statement. */
export interface StatementWaiter {
  /** Asked when there is a connection: whether anybody still waits. */
  isWaiting(): boolean;
  /** The statement is on its way. @param cancel ends it at the server, once nobody waits any more. */
  sent(cancel: () => void): void;
}

/**
 * Sends statements on the connections of a pool. The pool's own `query` would close a connection with each statement that the server
 * refuses, and send a statement that waited in its queue for longer than the store waits for the answer.
 */
export class PostgresPool {
  readonly #pool: PgPool;
  #lastAnswer = -Infinity;
  /** Connections that are to be dropped and are not yet. */
  #dropping = 0;

  constructor(pool: PgPool) {
    this.#pool = pool;
  }

  async query(sql: string, parameters: PostgresParameter[], waiter: StatementWaiter): Promise<unknown> {
    const client = await this.#pool.connect();
    if (!waiter.isWaiting()) {
      client.release();
      return [];
    }
    // The error comes with the statement, too. Without a listener it would end the process.
    client.on('error', ignore);
    const statement = new CancellableStatement(this.#pool, client);
    waiter.sent(statement.cancel);
    let isSound = true;
    try {
      const answer = await client.query(sql, parameters);
      isSound = statement.requests === 0;
      return answer;
    } catch (error) {
      isSound = isRefused(error) && !isReadOnly(error) && statement.requests <= 1;
      throw error;
    } finally {
      statement.ended();
      if (isSound) this.#lastAnswer = performance.now();
      if (isSound) client.release();
      else drop(client);
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
    // Each late command asks for it; a connection that is already to be dropped is dropped once.
    for (let count = this.#pool.idleCount - this.#dropping; count > 0; count--) {
      this.#dropping++;
      const done = (): void => void this.#dropping--;
      this.#pool.connect().then(drop, ignore).finally(done);
    }
  }
}

/** Takes a connection out of the pool. A server that hangs does not take its goodbye, and the process may end nevertheless. */
function drop(client: PgPoolClient): void {
  client.release(true);
  client.unref?.();
}

function ignore(): void {}
