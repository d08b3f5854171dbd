import { textOfUser } from '../options/resolve-users.js';
import type { UserId } from '../options/user-options.js';
import { listedAs, routeOf } from '../session/live-session.js';
import type { SessionMembers } from '../session/session-members.js';
import { SessionConfigurationError } from '../session.errors.js';
import { shown } from '../shown.js';
import { inPortions } from './portions.js';
import type { SessionEngine } from './session-engine.js';
import { handleOf } from './session-handle.js';
import { UserIndex } from './user-index.js';
import type { UserDirectory } from './user-directory.js';
import type { ListEntry } from './user-list.js';

/** A member that every session has, and options have not. */
const SESSION_MEMBER = 'regenerate' satisfies keyof SessionMembers;

/** How often `endAll` looks again for sessions that came in while it ended the others. Then it leaves them to the next call. */
const ROUNDS = 100;

/** A session of a user, as a page may show it. */
export interface UserSession {
  /**
   * Names the session for {@link UserSessions.end}: 22 characters of base64url. It cannot be used as a cookie, stays the same as long
   * as the session has its id, and changes with `regenerate`.
   */
  readonly handle: string;
  /** When the session was created, also before its user signed in. */
  readonly createdAt: Date;
  /** When the session was last renewed: its last use, up to a tenth of its idle timeout ago. */
  readonly seenAt: Date;
  /** When it ends if nobody uses it. */
  readonly expiresAt: Date;
  /** When the user last proved who they are; `undefined` where that is not known, as after a sign-in in Python. */
  readonly signedInAt: Date | undefined;
  /** What the option `device` returned at the sign-in, or when the entry was last written; `undefined` without it. */
  readonly device: unknown;
  /** Whether it is the session that was given as `current`. */
  readonly isCurrent: boolean;
}

/** A live session of any data. */
export type AnySession = Pick<SessionMembers, 'id' | 'signal'>;

/** What {@link UserSessions.list} may know. */
export interface ListOptions {
  /** The session that shows as the current one, most often that of the request. */
  readonly current?: AnySession;
}

/** What {@link UserSessions.endAll} leaves. */
export interface EndAllOptions {
  /** The session to leave, most often that of the request. It may have called `regenerate` a moment ago. */
  readonly except?: AnySession;
}

/**
 * The sessions of a user: lists them, ends one, the others or all. Inject it; the module needs the option `user`.
 *
 * Each method rejects with a {@link SessionStoreError} when the back-end fails, and with a {@link SessionConfigurationError} without
 * the option `user`, or when the id is none. What `end` and `endAll` have begun when they reject, the next call finishes.
 */
export class UserSessions {
  readonly #engine: SessionEngine;

  constructor(engine: SessionEngine) {
    this.#engine = engine;
  }

  /**
   * The sessions of a user, the last used one first. Reads the list and each record, so that it shows no session that is over.
   * @param userId what the option `user` returns for the sessions of this user.
   * @param options the session that shows as the current one.
   */
  async list(userId: UserId, options: ListOptions = {}): Promise<UserSession[]> {
    const { current } = checkedOptions('list', options, 'current');
    const { index } = this.#directory;
    const user = this.#userOf(userId);
    const own = namesOf(current);
    const sessions = await inPortions(await index.read(user), (entry) => this.#show(entry, { user, own }));
    return (
      sessions
        .filter((session) => session !== undefined)
        // Of two that were last used at the same moment, the later sign-in comes first.
        .toReversed()
        .toSorted((one, other) => other.seenAt.getTime() - one.seenAt.getTime())
    );
  }

  /**
   * Ends one session of a user. A handle that is not in the list of this very user ends nothing.
   * @param userId what the option `user` returns for the sessions of this user.
   * @param handle from {@link UserSessions.list}.
   * @param options the session in which the user asks for it; left out, an administrator does. {@link SessionEvents} tell the two
   *   apart, and who has asked only where it is given.
   * @returns `false` when the session was gone.
   */
  async end(userId: UserId, handle: string, options: ListOptions = {}): Promise<boolean> {
    const { current } = checkedOptions('end', options, 'current');
    // Nothing ends on behalf of what is no session.
    namesOf(current);
    return (await this.#endWhere(userId, ({ name }) => handleOf(name) === handle, current)) > 0;
  }

  /**
   * Ends all sessions of a user, or all others. A sign-in that is under way is either ended or begins afterwards.
   * @param userId what the option `user` returns for the sessions of this user.
   * @param options the session to leave; left out, none is.
   * @returns how many were ended.
   */
  async endAll(userId: UserId, options: EndAllOptions = {}): Promise<number> {
    const { except } = checkedOptions('endAll', options, 'except');
    const spared = namesOf(except);
    return this.#endWhere(userId, ({ name }) => !spared.has(name), except);
  }

  /**
   * Ends the sessions of all users, with one command of the store. The sessions that are nobody's go on. Needs the option
   * `user: { of, verify: 'read', generation: true }`. The signals of the sessions abort within half a second in this process, and within
   * the option `recheck` in others.
   */
  async endEverybody(): Promise<void> {
    await this.#directory.index.startGeneration();
    this.#engine.endings.tellAll();
  }

  /** Ends these sessions, and those that come in meanwhile. An entry comes out after its record is gone. */
  async #endWhere(userId: UserId, isMeant: (entry: ListEntry) => boolean, asker?: AnySession): Promise<number> {
    const user = this.#userOf(userId);
    const { index } = this.#directory;
    const end = (name: string): Promise<boolean> => this.#end(name, userId, asker);
    let ended: ReadonlySet<string> = new Set();
    let count = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const meant = await index.markVoid(user, isMeant, ended);
      if (meant.size === 0) return count;
      const outcomes = await inPortions([...meant], end);
      count += outcomes.filter((hasEnded) => hasEnded).length;
      ended = meant;
    }
    await index.remove(user, ended);
    return count;
  }

  async #end(name: string, userId: UserId, asker: AnySession | undefined): Promise<boolean> {
    const { records, events } = this.#engine;
    const hasEnded = await records.end(name);
    if (hasEnded && events.wants('ended')) {
      const [askerName] = asker === undefined ? [] : (listedAs(asker) ?? []);
      const session = { handle: handleOf(name), user: textOfUser(userId), route: asker && routeOf(asker) };
      const because = asker === undefined ? 'administrator' : 'another-session';
      events.ended(session, because, askerName && handleOf(askerName));
    }
    return hasEnded;
  }

  async #show(entry: ListEntry, { user, own }: Viewer): Promise<UserSession | undefined> {
    const { records, lifetime } = this.#engine;
    const found = await records.readNamed(entry.name);
    if (typeof found !== 'object' || lifetime.isExpired(found.meta) || found.meta.listing?.user !== user)
      return undefined;
    const { created = entry.since, seen = entry.at, signIn } = lifetime.clampedToNow(found.meta);
    return {
      handle: handleOf(entry.name),
      createdAt: dateOf(created),
      seenAt: dateOf(seen),
      expiresAt: dateOf(lifetime.expiresAt(found.meta)),
      signedInAt: signIn && dateOf(signIn.at),
      device: entry.device,
      isCurrent: own.has(entry.name),
    };
  }

  /** @throws {SessionConfigurationError} when it is no id: nobody's sessions must not be taken for somebody's. */
  #userOf(userId: UserId): string {
    const id = textOfUser(userId);
    if (id !== undefined) return UserIndex.userOf(id);
    throw new SessionConfigurationError(
      `The id of the user is ${shown(userId)}: give the id whose sessions are meant.`,
    );
  }

  get #directory(): UserDirectory {
    const { directory } = this.#engine;
    if (directory !== undefined) return directory;
    throw new SessionConfigurationError(
      'UserSessions needs the option user, which tells whose session it is: write user: (data) => data.user?.id.',
    );
  }
}

/** Whose sessions are shown, and which of them are the viewer's own. */
interface Viewer {
  readonly user: string;
  readonly own: ReadonlySet<string>;
}

/**
 * The options of a method, of which each has one.
 * @throws {SessionConfigurationError} when they are none: `endAll(id, session)` would end that session with the others.
 */
function checkedOptions<O extends object>(method: string, options: O, name: keyof O & string): O {
  const fault = faultOf(options, name);
  if (fault === undefined) return options;
  throw new SessionConfigurationError(
    `The options of ${method}() are wrong, as ${fault}: write { ${name}: session }, or leave the options out.`,
  );
}

function faultOf(options: object, name: string): string | undefined {
  if (Object(options) !== options || SESSION_MEMBER in options) return 'they are none';
  const unknown = Object.keys(options).find((key) => key !== name);
  if (unknown !== undefined) return `there is no ${unknown}`;
  return (options as EndAllOptions).except === undefined && 'except' in options ? 'except is undefined' : undefined;
}

/** @throws {SessionConfigurationError} when it is no session: otherwise the session that was meant would end with the others. */
function namesOf(session: AnySession | undefined): ReadonlySet<string> {
  const names = session === undefined ? [] : listedAs(session);
  if (names !== undefined) return new Set(names);
  throw new SessionConfigurationError(
    'What was given as the session is none: give what @Session() or open() has given.',
  );
}

function dateOf(seconds: number): Date {
  return new Date(seconds * 1000);
}
