import { hash, randomBytes } from 'node:crypto';

import type { ResolvedUsers } from '../options/resolve-users.js';
import type { SessionLifetime } from '../session/session-lifetime.js';
import type { SessionLogger } from '../session/session-logger.js';
import {
  isStoreRefusal,
  SessionConfigurationError,
  SessionStoreError,
  SessionTooLargeError,
} from '../session.errors.js';
import { pauseAfterConflict } from './conflict-retry.js';
import type { KeyedQueue } from './keyed-queue.js';
import type { SessionRecords } from './session-records.js';
import {
  holds,
  listFromWire,
  listToWire,
  markVoid,
  ttlOf,
  withLastDevices,
  without,
  type ListEntry,
  type UserList,
} from './user-list.js';

/** What {@link UserIndex} works with. */
export interface UserIndexOptions {
  readonly users: ResolvedUsers;
  readonly records: SessionRecords;
  readonly lifetime: SessionLifetime;
  /** Queues the changes of this process to one list, so that they do not collide. */
  readonly queue: KeyedQueue;
  readonly logger: SessionLogger;
}

/** A list as it was read; without a version there is none. */
interface ReadList {
  /** `undefined`: it cannot be read. */
  readonly list: UserList | undefined;
  readonly version?: unknown;
}

/** What follows from the list that a change was given. `undefined`: there is nothing to write. */
export type ListChange = (list: UserList) => UserList | undefined | Promise<UserList | undefined>;

/** How to change a list. */
export interface ChangeOptions {
  /** Whether a list that cannot be read is replaced by a new one, and is no error. @default false */
  readonly mayStartAnew?: boolean;
}

// No session id and no module's name has this character, so that no such key can be that of a session.
export const LIST = 'user=';
export const GENERATION = 'generation=';

const UNREADABLE =
  'The list of the sessions of a user cannot be read: another program wrote it, or another serializer.';

/** Ten years: the lifetime of a first generation, as a store creates nothing without one. */
export const GENERATION_SECONDS = 10 * 365 * 24 * 60 * 60;

/**
 * The lists of the users' sessions. Each is a record of its own in the store, under a hash of the user's id, and is changed by
 * compare-and-set.
 */
export class UserIndex {
  readonly users: ResolvedUsers;
  readonly #records: SessionRecords;
  readonly #lifetime: SessionLifetime;
  readonly #queue: KeyedQueue;
  readonly #logger: SessionLogger;

  constructor({ users, records, lifetime, queue, logger }: UserIndexOptions) {
    this.users = users;
    this.#records = records;
    this.#lifetime = lifetime;
    this.#queue = queue;
    this.#logger = logger;
  }

  /** The name of a user's list, from the user's id. */
  static userOf(id: string): string {
    return hash('sha256', id, 'base64url');
  }

  /** The name of the list of the user whose session has these data; `undefined` when it is nobody's. */
  userOf(data: Readonly<Record<string, unknown>>): string | undefined {
    const id = this.users.of(data);
    return id === undefined ? undefined : UserIndex.userOf(id);
  }

  /**
   * The sessions of a user.
   * @throws {SessionStoreError} when the list cannot be read.
   */
  async read(user: string): Promise<UserList> {
    return readable(await this.#read(await this.#nameOf(user)));
  }

  /**
   * Whether a session is in the user's list, and nothing is ending it; `'unreadable'` when the list cannot be read. Another version of
   * the application may be able to.
   */
  async holds(user: string, name: string): Promise<boolean | 'unreadable'> {
    const { list } = await this.#read(await this.#nameOf(user));
    return list === undefined ? 'unreadable' : holds(list, name);
  }

  /**
   * Changes a list by compare-and-set. `make` may run several times.
   * @throws {SessionConflictError} when other processes won every time.
   * @throws {SessionStoreError} when the list cannot be read.
   */
  async change(user: string, make: ListChange, { mayStartAnew = false }: ChangeOptions = {}): Promise<void> {
    const name = await this.#nameOf(user);
    await this.#queue.enter(name);
    try {
      for (let conflicts = 0; ; await pauseAfterConflict(++conflicts)) {
        const read = await this.#read(name);
        const next = await make(mayStartAnew ? (read.list ?? []) : readable(read));
        if (next === undefined || (next.length === 0 && read.version === undefined)) return;
        if (await this.#write(name, next, read.version)) return;
      }
    } finally {
      this.#queue.leave(name);
    }
  }

  /** Removes entries whose sessions are over. */
  async remove(user: string, names: Iterable<string>): Promise<void> {
    const gone = new Set(names);
    await this.change(user, (list) => {
      const next = without(list, gone);
      return next.length === list.length ? undefined : next;
    });
  }

  /** The same, where the session has ended in any case: an entry that stays shows nothing, and goes at a later sign-in. */
  async removeIfPossible(user: string, names: Iterable<string>): Promise<void> {
    try {
      await this.remove(user, names);
    } catch (error) {
      this.#logger.warnOnce(
        `A session has ended, but its entry in the list of its user stays for now. ${(error as Error).message}`,
      );
    }
  }

  /**
   * Marks the entries that are meant as being ended, and removes those that are gone by now. Where the back-end is full, or the list,
   * the mark cannot be written, and yet the records can be deleted.
   * @returns the names of those that are meant.
   */
  async markVoid(
    user: string,
    isMeant: (entry: ListEntry) => boolean,
    gone: ReadonlySet<string>,
  ): Promise<ReadonlySet<string>> {
    let meant: ReadonlySet<string> | undefined;
    const mark: ListChange = (list) => {
      const left = without(list, gone);
      meant = new Set(left.filter(isMeant).map(({ name }) => name));
      return meant.size === 0 && left.length === list.length ? undefined : markVoid(left, meant, this.#lifetime.now());
    };
    try {
      await this.change(user, mark);
    } catch (error) {
      if (meant === undefined || !isFull(error)) throw error;
    }
    return meant ?? new Set();
  }

  /** Begins a new generation of all lists: those of the present one are found no more. */
  async startGeneration(): Promise<void> {
    if (!this.users.hasGeneration) {
      throw new SessionConfigurationError(
        "endEverybody() needs the option user: { of, verify: 'read', generation: true }.",
      );
    }
    await this.#records.setBeside(GENERATION, newGeneration());
  }

  async #nameOf(user: string): Promise<string> {
    return this.users.hasGeneration ? `${LIST}${await this.#generation()}=${user}` : LIST + user;
  }

  /** The present generation. One that the back-end has lost makes a new one: then no session is in a list any more. */
  async #generation(): Promise<string> {
    for (;;) {
      const stored = await this.#records.readBeside(GENERATION);
      if (stored !== undefined) return stored.value;
      const first = newGeneration();
      if (await this.#records.writeBeside(GENERATION, { text: first, ttl: GENERATION_SECONDS })) return first;
    }
  }

  async #read(name: string): Promise<ReadList> {
    const stored = await this.#records.readBeside(name);
    if (stored === undefined) return { list: [] };
    const list = this.#decode(stored.value);
    if (list === undefined) this.#logger.warn(UNREADABLE);
    return { list, version: stored.version };
  }

  async #write(name: string, list: UserList, version: unknown): Promise<boolean> {
    return this.#records.writeBeside(name, { text: this.#textOf(list), ttl: ttlOf(list) }, version);
  }

  /** The text of the list. One that is too large shows only the devices that came last: what a client sends keeps nobody out. */
  #textOf(list: UserList): string {
    try {
      return this.#encode(list);
    } catch (error) {
      if (!(error instanceof SessionTooLargeError)) throw error;
      return this.#encode(withLastDevices(list));
    }
  }

  #encode(list: UserList): string {
    return this.#records.checkedSize(
      this.#records.stringify(listToWire(list)),
      "list of a user's sessions",
      'show less in `device`, lower `sessionsPerUser`',
    );
  }

  #decode(text: string): UserList | undefined {
    try {
      return listFromWire(this.#records.parse(text));
    } catch {
      return undefined;
    }
  }
}

function isFull(error: unknown): boolean {
  return error instanceof SessionTooLargeError || isStoreRefusal(error);
}

function readable({ list }: ReadList): UserList {
  if (list !== undefined) return list;
  throw new SessionStoreError(`${UNREADABLE} The next sign-in of the user starts a new one.`);
}

function newGeneration(): string {
  return randomBytes(9).toString('base64url');
}
