import { hash, randomBytes } from 'node:crypto';
import { join } from 'node:path';

/** How many hex digits of a record's name its shard has: 256 shards. */
const SHARD_DIGITS = 2;

const SHARD = /^[0-9a-f]{2}$/;
const REGISTER = /^[0-9a-f]{64}$/;

const TOKEN = '[0-9a-f]{32}';
const NEW = new RegExp(`^new-${TOKEN}$`);
const DEAD = new RegExp(`^dead-${TOKEN}$`);

/** Where a record is. */
export interface Place {
  readonly key: string;
  /** The directory of many registers. */
  readonly shard: string;
  /** The directory of this record alone. */
  readonly register: string;
}

/** What a name in a shard stands for; `undefined` for a name that is not the store's. */
export type ShardEntry = 'register' | 'new' | 'dead' | undefined;

/** The file that tells a directory of a store from any other. */
export const MARK_FILE = 'nest-session';

/** The paths below the directory of a store. No key is ever part of a path. */
export class StoreDirectory {
  readonly path: string;
  /** The file that tells that this is the directory of a store, and not the empty place where its disk is mounted. */
  readonly marker: string;
  /** The file whose time of modification tells when the last sweep began. */
  readonly sweepMark: string;

  constructor(path: string) {
    this.path = path;
    this.marker = join(path, MARK_FILE);
    this.sweepMark = join(path, 'last-sweep');
  }

  /** A key of any characters and length has a name of 64 hex digits, which no file system takes for another one. */
  placeOf(key: string): Place {
    const name = hash('sha256', key, 'hex');
    const shard = join(this.path, name.slice(0, SHARD_DIGITS));
    return { key, shard, register: join(shard, name) };
  }

  /** Of names in the directory, those of shards. */
  shardsAmong(names: readonly string[]): string[] {
    return names.filter((name) => SHARD.test(name));
  }
}

/** A name in a shard that nothing has had: for a record that is being made. */
export function newName(): string {
  return `new-${randomBytes(16).toString('hex')}`;
}

/** A name in a shard that nothing has had: for what will be removed. */
export function deadName(): string {
  return `dead-${randomBytes(16).toString('hex')}`;
}

/** What the store itself has given this name for. */
export function entryOf(name: string): ShardEntry {
  if (REGISTER.test(name)) return 'register';
  if (NEW.test(name)) return 'new';
  return DEAD.test(name) ? 'dead' : undefined;
}
