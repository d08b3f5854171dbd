import type { IoredisClient, RedisConnection } from './ioredis-client.js';

/**
 * Counts how often a connection in use broke. A command that was under way may have been carried out or not, and ioredis sends it
 * again after it reconnects, unless its options forbid that: an answer after a break may be the answer to the second attempt.
 *
 * Watches every node of a Cluster, because with `clusterNodeRetryStrategy` a node reconnects, and sends again, without an event of
 * the Cluster.
 */
export class RedisBreaks {
  readonly #client: IoredisClient;
  readonly #watched = new Map<RedisConnection, () => void>();
  #count = 0;

  constructor(client: IoredisClient) {
    this.#client = client;
    if (client.nodes === undefined) {
      this.#watch(client);
    } else {
      client.on('+node', this.#watchNode);
      client.nodes().forEach(this.#watchNode);
    }
  }

  /** The number of breaks. Each is counted before ioredis sends anything again, and before it gives a command up. */
  get count(): number {
    return this.#count;
  }

  /** Removes all listeners. Counts as a break, because from here on the connections of the commands under way are not watched. */
  stop(): void {
    this.#count++;
    if (this.#client.nodes !== undefined) this.#client.off('+node', this.#watchNode);
    for (const unwatch of this.#watched.values()) unwatch();
  }

  readonly #watchNode = (node: RedisConnection): void => {
    const unwatch = this.#watch(node);
    // A node that leaves the Cluster never comes back as the same object.
    node.on('end', unwatch);
    this.#watched.set(node, () => {
      node.off('end', unwatch);
      unwatch();
    });
  };

  #watch(connection: RedisConnection): () => void {
    // A connection that was never ready carried no command: while Redis is down, commands wait until it is up.
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
