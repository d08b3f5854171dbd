import type { RedisClient, RedisConnection } from './redis-client.js';

/**
 * Counts how often a connection in use broke. A command that was under way may have been carried out or not, and ioredis sends it
 * again once it is back, unless it was told not to: what is answered after a break may be the answer to the second time.
 *
 * Of a Cluster every node is watched, as `clusterNodeRetryStrategy` lets a node come back, and send again, without the
 * Cluster's telling.
 */
export class RedisBreaks {
  readonly #client: RedisClient;
  readonly #watched = new Map<RedisConnection, () => void>();
  #count = 0;

  constructor(client: RedisClient) {
    this.#client = client;
    if (client.nodes === undefined) {
      this.#watch(client);
    } else {
      client.on('+node', this.#watchNode);
      client.nodes().forEach(this.#watchNode);
    }
  }

  /** How many there were. Each is counted before ioredis sends anything again, and before it gives a command up. */
  get count(): number {
    return this.#count;
  }

  /** Takes all listeners away. What is still under way has no witness from here on, which counts as a break. */
  stop(): void {
    this.#count++;
    if (this.#client.nodes !== undefined) this.#client.off('+node', this.#watchNode);
    for (const unwatch of this.#watched.values()) unwatch();
  }

  readonly #watchNode = (node: RedisConnection): void => {
    const unwatch = this.#watch(node);
    // A node that left the Cluster never comes back as the same object.
    node.on('end', unwatch);
    this.#watched.set(node, () => {
      node.off('end', unwatch);
      unwatch();
    });
  };

  #watch(connection: RedisConnection): () => void {
    // A connection that did not come about carried nothing: while Redis is down, commands wait for it to be back.
    let isInUse = connection.status === 'ready';
    const onReady = (): void => void (isInUse = true);
    const onClose = (): void => {
      if (isInUse) this.#count++;
      isInUse = false;
    };
    const unwatch = (): void => {
      connection.off('ready', onReady);
      connection.off('close', onClose);
      this.#watched.delete(connection);
    };
    connection.on('ready', onReady);
    connection.on('close', onClose);
    this.#watched.set(connection, unwatch);
    return unwatch;
  }
}
