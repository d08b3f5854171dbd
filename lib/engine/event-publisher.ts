import type { ResolvedOptions } from '../options/resolve-options.js';
import type { Data } from '../session/session-data.js';
import type { EventHub, EventType } from './event-hub.js';
import { ReportedEndings } from './reported-endings.js';
import type { EndedBecause, RefusedBecause, SessionEvent } from './session-event.js';

/** The session that an event is about. Its members are read only where something listens. */
export interface EventSubject {
  readonly handle: string;
  readonly user: string | undefined;
  readonly route: string | undefined;
}

/** What a sign-in was. */
export interface SignInFacts {
  readonly amr?: readonly string[] | undefined;
  /** Whether the session was this user's already. */
  readonly isConfirmation: boolean;
}

/**
 * Makes the events of one SessionModule, after the store has answered, and only where something listens. One happening makes one
 * event: what has ended for one request of this process has ended for all of them.
 */
export class EventPublisher {
  readonly #hub: EventHub;
  readonly #options: Pick<ResolvedOptions, 'name' | 'users' | 'idleTimeout'>;
  readonly #endings = new ReportedEndings();

  constructor(hub: EventHub, options: Pick<ResolvedOptions, 'name' | 'users' | 'idleTimeout'>) {
    this.#hub = hub;
    this.#options = options;
  }

  /** The `name` of the SessionModule. */
  get sessions(): string {
    return this.#options.name;
  }

  /** Whether anything listens to events of this type. */
  wants(type: EventType): boolean {
    return this.#hub.wants(type);
  }

  /** The id of the user whose session has these data. An event is no place where the application's function may fail. */
  userOf(data: Data): string | undefined {
    try {
      return this.#options.users?.of(data);
    } catch {
      return undefined;
    }
  }

  /** A session was stored. @param former the handle that it had before it was regenerated. */
  created(session: EventSubject, former: string | undefined): void {
    if (!this.wants('created')) return;
    const { handle, user, route } = session;
    this.#endings.delete(handle);
    this.#hub.publish({ type: 'created', ...this.#now(), handle, user, route, former });
  }

  /** A user has signed in to a stored session. */
  signedIn(session: EventSubject, { amr, isConfirmation }: SignInFacts): void {
    if (!this.wants('signed-in')) return;
    const { handle, user, route } = session;
    if (user === undefined) return;
    // A copy: the record may yet be written with its own list.
    const methods = amr && Object.freeze([...amr]);
    this.#hub.publish({ type: 'signed-in', ...this.#now(), handle, user, route, isConfirmation, amr: methods });
  }

  /** A stored session is no longer that of the user, and goes on, or a retired one was. */
  signedOut({ handle, user, route }: EventSubject): void {
    if (user === undefined || !this.wants('signed-out')) return;
    this.#hub.publish({ type: 'signed-out', ...this.#now(), handle, user, route });
  }

  /**
   * A session was retired, and goes on under another id.
   * @returns `false` when its end was published before.
   */
  regenerated(session: EventSubject): boolean {
    if (!this.wants('regenerated') && !this.wants('ended')) return true;
    const { handle, user, route } = session;
    const isFirst = this.#endings.add(handle);
    if (isFirst && this.wants('regenerated')) {
      this.#hub.publish({ type: 'regenerated', ...this.#now(), handle, user, route });
    }
    return isFirst;
  }

  /** A session is over. @param by the handle of the session that has asked for it. */
  ended(session: EventSubject, reason: EndedBecause, by?: string): void {
    if (!this.wants('ended')) return;
    const { handle, user, route } = session;
    // The record of an expired session stays until the store removes it, and every request with its cookie meets it.
    const seconds = reason === 'expired' ? this.#options.idleTimeout : undefined;
    if (this.#endings.add(handle, seconds)) {
      this.#hub.publish({ type: 'ended', ...this.#now(), handle, user, route, reason, by });
    }
  }

  /** A cookie opens no session. */
  refused(
    cookie: Omit<EventSubject, 'handle'> & { readonly handle: string | undefined },
    reason: RefusedBecause,
  ): void {
    if (!this.wants('refused')) return;
    const { handle, user, route } = cookie;
    this.#hub.publish({ type: 'refused', ...this.#now(), handle, user, route, reason });
  }

  /** A save gave up. */
  conflict(session: EventSubject): void {
    if (!this.wants('conflict')) return;
    const { handle, user, route } = session;
    this.#hub.publish({ type: 'conflict', ...this.#now(), handle, user, route });
  }

  /** The store fails. @param reason see the event. */
  outage(at: Date, reason: string | undefined): void {
    if (this.wants('outage')) this.#hub.publish({ type: 'outage', ...this.#now(), at, reason });
  }

  /** The store serves again. @param since the `at` of the outage. */
  recovered(since: Date, failures: number): void {
    if (this.wants('recovered')) this.#hub.publish({ type: 'recovered', ...this.#now(), since, failures });
  }

  #now(): Pick<SessionEvent, 'sessions' | 'at'> {
    return { sessions: this.sessions, at: new Date() };
  }
}
