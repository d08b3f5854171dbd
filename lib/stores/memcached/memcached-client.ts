import type { MemcachedDriver } from './memcached-internals.js';

/** The part of the driver `memcached` that `MemcachedStore` speaks. */
export interface MemcachedClient {
  /** Put before each key by the client itself. */
  readonly namespace?: string;
  gets(key: string, done: Done<FoundItem>): void;
  set(key: string, value: string, lifetime: number, done: Done<boolean>): void;
  add(key: string, value: string, lifetime: number, done: Done<boolean>): void;
  cas(key: string, value: string, version: string, lifetime: number, done: Done<boolean>): void;
  del(key: string, done: Done<boolean>): void;
}

/** What the driver calls with an answer; never, for a command that was under way when its connection broke. */
export type Done<Result> = (error: unknown, result: Result | undefined) => void;

/** The answer to `gets`: the value under its key, and the version. */
export type FoundItem = Readonly<Record<string, unknown>> & { readonly cas: string };

/** A client that the store made itself, and so ends. */
export type OwnMemcachedClient = MemcachedClient & MemcachedDriver;
