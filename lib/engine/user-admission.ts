import type { Data } from '../session/session-data.js';
import { SessionLimitError } from '../session.errors.js';
import type { SessionLifetime } from '../session/session-lifetime.js';
import type { EventPublisher, EventSubject } from './event-publisher.js';
import { inPortions, PORTION } from './portions.js';
import { handleOf } from './session-handle.js';
import type { SessionRecords } from './session-records.js';
import { TOMBSTONE_SECONDS } from '../session/tombstone.js';
import type { ListChange, UserIndex } from './user-index.js';
import { markVoid, without, type ListEntry, type UserList } from './user-list.js';

/** What {@link UserAdmission} works with. */
export interface UserAdmissionOptions {
  readonly index: UserIndex;
  readonly records: SessionRecords;
  readonly lifetime: SessionLifetime;
  readonly events: EventPublisher;
}

/** An entry that goes into a list. */
export interface EnteringSession {
  readonly entry: ListEntry;
  /** The name of the entry whose place it takes, after a regenerate. That session must still be in the list. */
  readonly replaced?: string | undefined;
  /** Whether the session has a record of this user already. It is in the list, or comes in whatever the limit says. */
  readonly isKnown: boolean;
  /** Whether a known session that is not in the list is over. */
  readonly mustStand: boolean;
  /** The data of the session that signs in, and where, for the events of those that it ends. */
  readonly data: Data;
  readonly origin: Pick<EventSubject, 'route'>;
}

/**
 * `'added'`: the session was not in the list. `'kept'`: it was, or has taken the place of another one; its entry is written anew.
 * `'over'`: something ends or has ended the session, and it did not come in.
 */
export type AdmissionOutcome = 'added' | 'kept' | 'over';

/** Lets sessions into the list of their user: puts the entry in, and ends those beyond the limit. */
export class UserAdmission {
  readonly #index: UserIndex;
  readonly #records: SessionRecords;
  readonly #lifetime: SessionLifetime;
  readonly #events: EventPublisher;

  constructor({ index, records, lifetime, events }: UserAdmissionOptions) {
    this.#index = index;
    this.#records = records;
    this.#lifetime = lifetime;
    this.#events = events;
  }

  /**
   * Puts a session into the list, or writes its entry anew. Returns when those beyond the limit have ended.
   * @throws {SessionLimitError} when the user has too many sessions, and the limit refuses more.
   */
  async enter(user: string, entering: EnteringSession): Promise<AdmissionOutcome> {
    const isLost = new Map<string, boolean>();
    let outcome: AdmissionOutcome = 'over';
    let leaving: ReadonlySet<string> = new Set();
    let victims: ReadonlySet<string> = new Set();
    const make: ListChange = async (list) => {
      leaving = new Set();
      const own = ownEntry(list, entering);
      outcome = own === undefined ? outcomeWithout(entering) : outcomeOf(own);
      if (outcome === 'over') return undefined;
      const next = own === undefined ? [...list, entering.entry] : inPlaceOf(list, own, entering.entry);
      const left = await this.#withoutLost(next, { own: entering.entry, isLost });
      victims = namesOf(this.#beyondLimit(left, { ...entering, isNew: own === undefined }));
      const lost = left.filter(({ name }) => isLost.get(name) === true);
      leaving = new Set([...victims, ...namesOf([...lost, ...this.#abandoned(left)])]);
      return markVoid(left, victims, this.#lifetime.now());
    };
    await this.#index.change(user, make, { mayStartAnew: true });
    if (leaving.size > 0)
      await this.#end(user, leaving, (name) => victims.has(name) && this.#publishEnd(name, entering));
    return outcome;
  }

  async #end(user: string, names: ReadonlySet<string>, onEnd: (name: string) => unknown): Promise<void> {
    const end = async (name: string): Promise<void> => {
      if (await this.#records.end(name)) onEnd(name);
    };
    await inPortions([...names], end);
    await this.#index.removeIfPossible(user, names);
  }

  #publishEnd(name: string, { data, origin }: EnteringSession): void {
    const events = this.#events;
    if (!events.wants('ended')) return;
    events.ended({ handle: handleOf(name), user: events.userOf(data), route: origin.route }, 'limit');
  }

  /**
   * The entries beyond the limit: those that something is ending already, as it may have been killed, and then those that have been in
   * the list the longest. Where the session was in the list before, nothing live has to leave for it.
   */
  #beyondLimit(list: UserList, { entry, isKnown, isNew }: EnteringSession & { readonly isNew: boolean }): UserList {
    const { max, beyond } = this.#index.users;
    const live = list.filter(({ voidSince }) => voidSince === undefined);
    if (live.length > max && beyond === 'refuse' && isNew && !isKnown) {
      throw new SessionLimitError(
        `The user may have ${max} ${max === 1 ? 'session' : 'sessions'} at the same time: end one of them first, or sign out elsewhere.`,
      );
    }
    const ending = list.filter(({ voidSince }) => voidSince !== undefined);
    const others = isNew ? live.filter(({ name }) => name !== entry.name) : [];
    return [...ending, ...others].slice(0, Math.max(0, list.length - max));
  }

  /** Entries that a process has marked and then not ended, as it was killed. */
  #abandoned(list: UserList): UserList {
    return list.filter(
      ({ voidSince }) => voidSince !== undefined && this.#lifetime.now() - voidSince > TOMBSTONE_SECONDS,
    );
  }

  /**
   * The list without entries that have no record: those whose time is up, and, before the limit counts them, those that are too old
   * for a sign-in under way. The record decides, and not the clock of another machine. Without tombstones nothing keeps such a sign-in
   * from its record: then the entry is marked, and comes out after another look for the record.
   */
  async #withoutLost(list: UserList, { own, isLost }: LostSearch): Promise<UserList> {
    const now = this.#lifetime.now();
    const isOver = list.length > this.#index.users.max;
    const others = list.filter((entry) => entry.name !== own.name);
    const expired = others.filter((entry) => isExpired(entry, now));
    const old = isOver ? others.filter((entry) => !isExpired(entry, now) && now - entry.at > TOMBSTONE_SECONDS) : [];
    // Where the limit refuses, each record counts. Where it ends the oldest session, a client may not have a thousand records read.
    const looked = this.#index.users.beyond === 'refuse' ? old : old.slice(0, PORTION);
    await inPortions([...expired, ...looked], async ({ name }) => {
      if (!isLost.has(name)) isLost.set(name, await this.#records.isLost(name));
    });
    const lost = namesOf(list.filter(({ name }) => isLost.get(name) === true));
    return this.#records.leavesTombstones ? without(list, lost) : markVoid(list, lost, now);
  }
}

interface LostSearch {
  readonly own: ListEntry;
  /** Whether a record is lost, by name: asked once, however often the change is tried. */
  readonly isLost: Map<string, boolean>;
}

function namesOf(list: UserList): ReadonlySet<string> {
  return new Set(list.map(({ name }) => name));
}

/** The session's own entry, or the one whose place it takes. */
function ownEntry(list: UserList, { entry, replaced }: EnteringSession): ListEntry | undefined {
  return list.find(({ name }) => name === entry.name) ?? list.find(({ name }) => name === replaced);
}

function outcomeOf({ voidSince }: ListEntry): AdmissionOutcome {
  return voidSince === undefined ? 'kept' : 'over';
}

function outcomeWithout({ replaced, isKnown, mustStand }: EnteringSession): AdmissionOutcome {
  return replaced === undefined && !(isKnown && mustStand) ? 'added' : 'over';
}

function inPlaceOf(list: UserList, own: ListEntry, entry: ListEntry): UserList {
  return list.map((other) => (other === own ? { ...entry, since: own.since } : other));
}

function isExpired({ at, lifetime }: ListEntry, now: number): boolean {
  return now - at > lifetime;
}
