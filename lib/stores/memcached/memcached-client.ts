import type { AskedCommand } from './memcached-answers.js';

/** The part of the driver `memcached` that `MemcachedStore` uses. */
export interface MemcachedClient {
  /** What the client itself puts before each key. */
  readonly namespace?: string;
  gets(key: string, done: Done<FoundItem>): void;
  set(key: string, value: string, lifetime: number, done: Done<boolean>): void;
  add(key: string, value: string, lifetime: number, done: Done<boolean>): void;
  cas(key: string, value: string, version: string, lifetime: number, done: Done<boolean>): void;
  del(key: string, done: Done<boolean>): void;
}

/** The driver calls it with the answer, but never for a command that was under way when its connection broke. */
export type Done<Result> = (error: unknown, result: Result | undefined) => void;

/** The answer to `gets`: the value under its key, and the version. */
export type FoundItem = Readonly<Record<string, unknown>> & { readonly cas: string };

/** A client that the store made, and therefore ends. */
export type OwnMemcachedClient = MemcachedClient & MemcachedDriver;

/** The internals of the `memcached` driver, 2.2, that this folder corrects. */
export interface MemcachedDriver {
  on(event: 'issue', listener: (issue: { server: string }) => void): unknown;
  end(): void;
  command(compile: (noreply?: boolean) => DriverQuery, server?: string): void;
  /** Calls back with a connection of the pool, with an error, or with `false` twice for a server that is given up. */
  connect(server: string, done: DriverConnected): unknown;
  /** Reads the answers in the socket's `bufferArray`. */
  rawDataReceived(socket: DriverSocket): void;
  delegateCallback(query: DriverQuery, error: unknown, result: unknown, callback: unknown): void;
  readonly issues: Record<string, DriverIssue>;
  readonly connections: Record<string, DriverPool>;
}

export type DriverConnected = (error: unknown, socket: DriverSocket | false | undefined) => void;

/** The driver's notes about a server that failed. */
export interface DriverIssue {
  attemptReconnect: () => void;
  failed: boolean;
  locked: boolean;
  isScheduledToReconnect: boolean;
  failures: number;
  readonly config: { readonly failures: number };
  readonly messages: unknown[];
}

/** The open connections to one server. */
export interface DriverPool {
  readonly pool: readonly DriverSocket[];
  remove(socket: DriverSocket, hard: boolean): void;
}

/** A connection, with the properties that the driver adds to it. */
export interface DriverSocket {
  setEncoding(encoding: BufferEncoding): unknown;
  destroy(): unknown;
  readonly serverAddress: string;
  /** The text after the last line break. */
  responseBuffer: string;
  /** The received lines that are not read yet. */
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

/** Whether this is a client of the driver, and not one of another package that has the same methods. */
export function isMemcachedDriver(client: object): client is MemcachedDriver {
  const { on, connect, rawDataReceived, issues } = client as Partial<MemcachedDriver>;
  return [on, connect, rawDataReceived].every((method) => typeof method === 'function') && typeof issues === 'object';
}
