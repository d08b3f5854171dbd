import type { NodeRedisClient, NodeRedisCommandOptions, NodeRedisConnection } from './node-redis-client.js';
import { NodeRedisMaster } from './node-redis-master.js';
import type { RedisCommands } from './redis-commands.js';
import { isReplicasRefusal, isReply, notConnected, wasNeverSent } from './redis-errors.js';

/** Sends one command to where the key lies. */
type Route = (key: string, args: string[], options: NodeRedisCommandOptions) => Promise<unknown>;

/** Milliseconds. Later than the store's deadline, which looks for an answer once more. */
const LONGEST_WAIT = 1500;

const ignore = (): void => {};

/**
 * The commands on node-redis. It rejects what was under way when a connection broke, and sends only what it had not written yet, so
 * that each answer is that of the only attempt. All reads go to a master: a replica may still have a session that has ended.
 */
export class NodeRedisCommands implements RedisCommands {
  /** None of its answers is that of a second attempt. */
  readonly breaks = 0;
  readonly #client: NodeRedisClient;
  readonly #route: Route;

  constructor(client: NodeRedisClient) {
    this.#client = client;
    this.#route = routeOf(client);
    // Without a listener the process ends when a connection breaks. The commands that need the connection report the failure. It stays
    // when the store is closed, because the client does too.
    if (client.listenerCount('error') === 0) client.on('error', ignore);
  }

  get(key: string): Promise<string | null> {
    const at = this.#prefixed(key);
    return this.#send<string | null>(at, ['GET', at]);
  }

  set(key: string, value: string, seconds: number | undefined): Promise<unknown> {
    const at = this.#prefixed(key);
    return this.#send(at, ['SET', at, value, ...(seconds === undefined ? [] : ['EX', String(seconds)])]);
  }

  create(key: string, value: string, seconds: number): Promise<unknown> {
    const at = this.#prefixed(key);
    return this.#send(at, ['SET', at, value, 'EX', String(seconds), 'NX']);
  }

  del(key: string): Promise<number> {
    const at = this.#prefixed(key);
    return this.#send<number>(at, ['DEL', at]);
  }

  evalsha(sha1: string, key: string, args: readonly string[]): Promise<unknown> {
    const at = this.#prefixed(key);
    return this.#send(at, ['EVALSHA', sha1, '1', at, ...args]);
  }

  eval(script: string, key: string, args: readonly string[]): Promise<unknown> {
    const at = this.#prefixed(key);
    return this.#send(at, ['EVAL', script, '1', at, ...args]);
  }

  hasBroken(error: unknown): boolean {
    return error instanceof Error && !isReply(error) && !wasNeverSent(error);
  }

  leaveReplica(): void {
    // Done by the route, which knows the connection.
  }

  stop(): void {
    // There is nothing that it would have to stop.
  }

  #send<Answer>(key: string, args: string[]): Promise<Answer> {
    if (!this.#client.isOpen) throw notConnected();
    const options = {
      // A command that still waits for a connection is not to be carried out long after the store has given it up.
      abortSignal: AbortSignal.timeout(LONGEST_WAIT),
      // The signal bounds it instead.
      timeout: 0,
      // Strings, whatever types the client maps them to.
      typeMapping: {},
    };
    return this.#route(key, args, options) as Promise<Answer>;
  }

  #prefixed(key: string): string {
    const prefix = this.#client._keyPrefix;
    return prefix === undefined ? key : `${String(prefix)}${key}`;
  }
}

function routeOf(client: NodeRedisClient): Route {
  if ('nodeByAddress' in client) return (key, args, options) => client.sendCommand(key, false, args, options);
  if ('getMasterNode' in client) {
    const master = new NodeRedisMaster(client);
    return (_key, args, options) => master.send(args, options);
  }
  if ('idleClients' in client) {
    return (_key, args, options) => client.execute((connection) => sendTo(connection, args, options));
  }
  return (_key, args, options) => sendTo(client, args, options);
}

/** Sends a command on a connection that leads to one address. */
function sendTo(connection: NodeRedisConnection, args: string[], options: NodeRedisCommandOptions): Promise<unknown> {
  return connection.sendCommand(args, options).catch((error: unknown) => {
    // The master behind that address has changed. Redis ends the connection, and node-redis opens another one.
    if (error instanceof Error && isReplicasRefusal(error)) connection.sendCommand(['QUIT']).catch(ignore);
    throw error;
  });
}
