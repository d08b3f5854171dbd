import type { SessionBus } from '../buses/session-bus.js';
import { SessionMigrator } from '../migration/session-migrator.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { SessionLifetime } from '../session/session-lifetime.js';
import { storeName } from '../options/store-name.js';
import type { SessionLogger } from '../session/session-logger.js';
import { DEFAULT_NAME } from '../session.constants.js';
import { failureReason } from '../stores/failure-reason.js';
import type { SessionStore } from '../stores/session-store.js';
import { EventHub } from './event-hub.js';
import { EventPublisher } from './event-publisher.js';
import { KeyedQueue } from './keyed-queue.js';
import { OPENINGS, type OpenedOutcome } from './measurements.js';
import type { OpenRequest } from './open-request.js';
import { OpenSession } from './open-session.js';
import { PresentedSessions, type FoundSession } from './presented-sessions.js';
import { SessionEndings } from './session-endings.js';
import type { SessionContext } from './session-context.js';
import { SessionRecords } from './session-records.js';
import { StoreTrouble } from './store-trouble.js';
import { StoreWatch } from './store-watch.js';
import { UserAdmission } from './user-admission.js';
import type { UserDirectory } from './user-directory.js';
import { UserIndex, type UserIndexOptions } from './user-index.js';

/** What an application gives its engine. */
export interface SessionEngineOptions {
  readonly options: ResolvedOptions;
  readonly store: SessionStore;
  readonly logger: SessionLogger;
  /** Tells other processes which sessions have ended. @default none */
  readonly bus?: SessionBus | undefined;
  /** Takes the events to those who listen. @default a hub of this engine's own */
  readonly hub?: EventHub;
  /** Queues the saves on one id. @default a queue of this engine's own */
  readonly saveQueue?: KeyedQueue;
}

/** Opens the sessions of one SessionModule. {@link OpenSession} does everything that follows, up to the commit. */
export class SessionEngine {
  readonly options: ResolvedOptions;
  readonly logger: SessionLogger;
  readonly lifetime: SessionLifetime;
  readonly records: SessionRecords;
  readonly endings: SessionEndings;
  readonly events: EventPublisher;
  /** What is wrong with the store. */
  readonly trouble: StoreTrouble;
  /** Is told how each command of the store has ended. */
  readonly watch: StoreWatch;
  /** The lists of the users' sessions. Absent: sessions are nobody's. */
  readonly directory: UserDirectory | undefined;
  readonly #context: SessionContext;

  constructor({
    options,
    store,
    logger,
    bus,
    hub = new EventHub(),
    saveQueue = new KeyedQueue(),
  }: SessionEngineOptions) {
    const lifetime = new SessionLifetime(options);
    this.options = options;
    this.lifetime = lifetime;
    this.logger = logger;
    const read = (key: string): Promise<number | undefined> => this.#readExpiry(key);
    this.endings = new SessionEndings({ recheck: options.recheck, read, bus, logger });
    this.events = new EventPublisher(hub, options);
    const { endings, events } = this;
    this.trouble = new StoreTrouble(events, logger, shownName(options.name));
    this.watch = new StoreWatch(this.trouble, { sessions: options.name, store: storeName(store) });
    this.records = new SessionRecords({ store, options, lifetime, endings, watch: this.watch, logger });
    const { records } = this;
    const { migration } = options;
    const migrator = migration && new SessionMigrator({ ...options, migration, records, lifetime, logger });
    this.directory = directoryOf({ users: options.users, records, lifetime, queue: saveQueue, events, logger });
    const { directory } = this;
    this.#context = { options, lifetime, records, endings, events, saveQueue, migrator, directory, logger };
  }

  /**
   * Opens the session that a request presents. If it presents none, opens a new, empty session under an id of its own: the engine
   * never adopts an id that the store does not know.
   */
  async open(request: OpenRequest): Promise<OpenSession> {
    const { start } = OPENINGS;
    const presented = new PresentedSessions(this.#context, request);
    let outcome: OpenedOutcome = 'failed';
    let reason: string | undefined;
    try {
      const found = (await presented.findNext()) ?? (await presented.findInstead());
      const open = new OpenSession(this.#context, request, { presented, found });
      outcome = typeof found === 'object' ? 'found' : (presented.refusedBecause ?? 'new');
      return open;
    } catch (error) {
      if (start !== undefined) reason = failureReason(error);
      throw error;
    } finally {
      if (start !== undefined) OPENINGS.publish(start, { sessions: this.options.name, outcome, reason });
    }
  }

  /**
   * Opens a session without a look at the store, for a caller who knows what is there.
   * @param request the request; its cookies are looked at only when the session ends.
   * @param found absent: a new, empty session.
   */
  openFound(request: OpenRequest, found: FoundSession | undefined): OpenSession {
    return new OpenSession(this.#context, request, { presented: new PresentedSessions(this.#context, request), found });
  }

  /** When the session of a record ends; `undefined` when it has ended. */
  async #readExpiry(key: string): Promise<number | undefined> {
    for (let found = await this.records.readKey(key); ;) {
      if (typeof found !== 'object' || this.lifetime.isExpired(found.meta)) return undefined;
      const user = found.meta.listing?.user;
      if (user === undefined || (await this.#isListed(user, key))) return this.lifetime.expiresAt(found.meta);
      found = await this.records.readKey(key);
      // Its user may have changed since the record was read.
      if (typeof found !== 'object' || found.meta.listing?.user === user) return undefined;
    }
  }

  /** Whether the session stands in the list of its user, where the application has that verified. */
  async #isListed(user: string, key: string): Promise<boolean> {
    const { keyPrefix, users } = this.options;
    if (users?.verifiesReads !== true || this.directory === undefined) return true;
    return (await this.directory.index.holds(user, key.slice(keyPrefix.length))) === true;
  }
}

/** How the log tells the sessions of this module from others. */
function shownName(name: string): string {
  return name === DEFAULT_NAME ? '' : ` of '${name}'`;
}

type DirectoryParts = Omit<UserIndexOptions, 'users'> & Pick<ResolvedOptions, 'users'> & Pick<SessionContext, 'events'>;

function directoryOf({ users, ...rest }: DirectoryParts): UserDirectory | undefined {
  if (users === undefined) return undefined;
  const index = new UserIndex({ users, ...rest });
  return { index, admission: new UserAdmission({ index, ...rest }) };
}
