import { BackEndCommands } from '../../stores/back-end-commands.js';
import { commandError, storeError, type BackEnd } from '../../stores/back-end.js';
import type { OwnRedisClient } from '../../stores/redis/ioredis-client.js';
import { endRedis, openRedis, type RedisConnectOptions } from '../../stores/redis/redis-connection.js';
import { hideCommand, isReply } from '../../stores/redis/redis-errors.js';
import type { SessionBus, SessionBusListener, SessionEnding } from '../session-bus.js';
import { checkedBusClient, isNodeRedis, type IoredisBusClient, type RedisBusClient } from './redis-bus-client.js';
import { listenOn } from './redis-channel.js';

export type {
  IoredisBusClient,
  NodeRedisBusClient,
  NodeRedisSubscriber,
  RedisBusClient,
  RedisSubscriber,
} from './redis-bus-client.js';

/** Options of {@link RedisBus}. */
export interface RedisBusOptions {
  /**
   * The channel of the messages. Channels have names of their own: one with the name of a key is another thing. With an ACL the user
   * needs the right to it (`&session:endings`).
   * @default 'session:endings'
   */
  readonly channel?: string;
}

const DEFAULT_CHANNEL = 'session:endings';

/** No message of ours is longer. */
const LONGEST_MESSAGE = 200;

const REDIS: BackEnd = {
  name: 'The session bus on Redis',
  check: 'the server is up, reachable from here, and lets its user publish and subscribe',
  isRefusal: isReply,
  redact: hideCommand,
};

/**
 * A session bus on the pub/sub of Redis or of a Redis Cluster. It listens on a connection of its own, which it opens when the first
 * session is watched.
 *
 * `new RedisBus(client)` sends on a client of yours, of ioredis or from `createClient` of node-redis, which it never closes, and listens
 * on a duplicate of it; {@link RedisBus.connect} makes its own.
 */
export class RedisBus implements SessionBus {
  readonly #client: RedisBusClient;
  readonly #channel: string;
  readonly #commands = new BackEndCommands(REDIS);
  readonly #listeners = new Set<SessionBusListener>();
  #own: OwnRedisClient | undefined;
  /** Ends the connection that listens. */
  #stopListening: (() => void) | undefined;
  #isClosed = false;

  /** @throws {SessionConfigurationError} when the client is of neither ioredis nor node-redis. */
  constructor(client: RedisBusClient, { channel = DEFAULT_CHANNEL }: RedisBusOptions = {}) {
    this.#client = checkedBusClient(client);
    // Without a listener node-redis ends the process when a connection breaks; publishing reports the failure.
    if (isNodeRedis(client) && client.listenerCount('error') === 0) client.on('error', () => {});
    this.#channel = channel;
  }

  /**
   * A bus with a client of its own, which `close` ends. Connects when the first message is to be sent.
   * @throws {SessionConfigurationError} when ioredis is not installed, or the options are wrong.
   */
  static async connect(connection: RedisConnectOptions = {}, options: RedisBusOptions = {}): Promise<RedisBus> {
    const client = await openRedis({ lazyConnect: true, ...connection }, 'bus');
    const bus = new RedisBus(client as OwnRedisClient & IoredisBusClient, options);
    bus.#own = client;
    return bus;
  }

  /**
   * Sends the message.
   * @throws {SessionStoreError} when Redis fails or does not answer in time. The promise rejects with it.
   */
  async publish({ session, reason }: SessionEnding): Promise<void> {
    if (this.#isClosed) throw storeError(REDIS, 'is closed');
    const message = JSON.stringify({ session, reason });
    await this.#commands.ask(({ answered, failed }) => {
      this.#client.publish(this.#channel, message).then(answered, failed);
    });
  }

  subscribe(listener: SessionBusListener): () => void {
    this.#listeners.add(listener);
    this.#stopListening ??= this.#listen();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.#stop();
    };
  }

  /** Ends the connections that the bus made, after the messages that are being sent. Leaves yours open. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#listeners.clear();
    this.#stop();
    if (this.#own !== undefined) await endRedis(this.#own, this.#commands);
  }

  #listen(): () => void {
    return listenOn(this.#client, this.#channel, {
      hear: (message) => this.#hear(message),
      subscribed: () => this.#tell((listener) => listener.missed()),
      failed: (error) => this.#fail(error),
    });
  }

  #stop(): void {
    const stop = this.#stopListening;
    this.#stopListening = undefined;
    stop?.();
  }

  /** Any program may write on the channel: what is no message of ours is passed over. */
  #hear(message: string): void {
    if (message.length > LONGEST_MESSAGE) return;
    let ending: SessionEnding;
    try {
      ending = JSON.parse(message) as SessionEnding;
    } catch {
      return;
    }
    this.#tell((listener) => listener.ended(ending));
  }

  #fail(error: unknown): void {
    // A connection that was told to end takes its last command with it.
    if (this.#stopListening === undefined) return;
    const told = commandError(REDIS, error);
    this.#tell((listener) => listener.failed(told));
  }

  #tell(tell: (listener: SessionBusListener) => void): void {
    for (const listener of this.#listeners) tell(listener);
  }
}
