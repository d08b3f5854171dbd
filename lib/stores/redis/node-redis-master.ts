import type { NodeRedisCommandOptions, NodeRedisConnection, NodeRedisSentinel } from './node-redis-client.js';
import { isReply } from './redis-errors.js';

const ignore = (): void => {};

/** Sends commands to the master that a sentinel of node-redis knows. */
export class NodeRedisMaster {
  readonly #sentinel: NodeRedisSentinel;
  #underWay = 0;
  /** Resolves when the first command of those under way has a connection. */
  #leased: Promise<void> = Promise.resolve();

  constructor(sentinel: NodeRedisSentinel) {
    this.#sentinel = sentinel;
  }

  /**
   * Sends a command once. After a break node-redis would send it again, so that an answer could be that of the second attempt.
   *
   * Commands under way share a connection of the pool. node-redis has those that begin in one turn of the event loop wait for one
   * another instead, an answer each, unless the first of them has that connection already.
   */
  async send(args: string[], options: NodeRedisCommandOptions): Promise<unknown> {
    let leased = ignore;
    if (this.#underWay++ === 0) this.#leased = new Promise((resolve) => (leased = resolve));
    else await this.#leased;
    try {
      return await this.#sendOnce((connection) => {
        leased();
        return connection.sendCommand(args, options);
      });
    } finally {
      leased();
      this.#underWay--;
    }
  }

  #sendOnce(send: (connection: NodeRedisConnection) => Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      let lost: unknown;
      const attempt = (connection: NodeRedisConnection): Promise<unknown> => {
        if (lost !== undefined) return Promise.reject(lost);
        return send(connection).catch((error: unknown) => {
          // A refusal is no loss: that of a replica leads to the new master.
          if (!isReply(error)) reject((lost = error));
          throw error;
        });
      };
      this.#sentinel._execute(false, attempt).then(resolve, reject);
    });
  }
}
