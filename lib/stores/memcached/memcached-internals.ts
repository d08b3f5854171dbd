import type { AskedCommand } from './memcached-answers.js';

/** The inside of the `memcached` driver, 2.2, as far as it has to be put right. */
export interface MemcachedDriver {
  on(event: 'issue', listener: (issue: { server: string }) => void): unknown;
  end(): void;
  command(compile: (noreply?: boolean) => DriverQuery, server?: string): void;
  /** Gives a connection of the pool, an error, or `false` twice for a server that is given up. */
  connect(server: string, done: DriverConnected): unknown;
  /** Reads the answers in the socket's `bufferArray`. */
  rawDataReceived(socket: DriverSocket): void;
  delegateCallback(query: DriverQuery, error: unknown, result: unknown, callback: unknown): void;
  readonly issues: Record<string, DriverIssue>;
  readonly connections: Record<string, DriverPool>;
}

export type DriverConnected = (error: unknown, socket: DriverSocket | false | undefined) => void;

/** What the driver knows of a server that failed. */
export interface DriverIssue {
  attemptReconnect: () => void;
  failed: boolean;
  locked: boolean;
  isScheduledToReconnect: boolean;
  failures: number;
  readonly config: { readonly failures: number };
  readonly messages: unknown[];
}

/** The connections to one server that are open. */
export interface DriverPool {
  readonly pool: readonly DriverSocket[];
  remove(socket: DriverSocket, hard: boolean): void;
}

/** A connection, with what the driver hangs on it. */
export interface DriverSocket {
  setEncoding(encoding: BufferEncoding): unknown;
  destroy(): unknown;
  readonly serverAddress: string;
  /** What came after the last line break. */
  responseBuffer: string;
  /** Lines that came and are not read yet. */
  bufferArray: string[];
  /** The commands that wait for an answer, the oldest first. */
  metaData: DriverQuery[];
}

/** A command of the driver. */
export interface DriverQuery extends AskedCommand {
  readonly key: string;
  readonly value?: string;
  readonly lifetime?: number;
  readonly cas?: string;
  readonly callback?: unknown;
  /** When it was sent, in milliseconds since 1970. */
  readonly start?: number;
  command: string;
  validate?: unknown;
}

/** Whether this is a client of the driver, and not one of another make that has the same methods. */
export function isMemcachedDriver(client: object): client is MemcachedDriver {
  const { on, connect, rawDataReceived, issues } = client as Partial<MemcachedDriver>;
  return [on, connect, rawDataReceived].every((method) => typeof method === 'function') && typeof issues === 'object';
}
