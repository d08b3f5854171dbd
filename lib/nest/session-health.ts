import { Injectable } from '@nestjs/common';

import type { SessionEngine } from '../engine/session-engine.js';
import { SessionStoreError } from '../session.errors.js';
import { shownReason } from '../stores/failure-reason.js';

/** For a store of the application's own that has no deadline. Those of the library give up after a second. */
const DEADLINE_MS = 5000;

/** What {@link SessionHealth} found. It holds no secret, no address and no message of a driver. */
export interface SessionStoreHealth {
  readonly status: 'up' | 'down';
  /** Milliseconds that the store took to answer, or to fail. */
  readonly responseTime: number;
  /**
   * Where it is down: why, as a code such as `'ECONNREFUSED'`, or as the class of the driver's error; `'timeout'` where there was no answer
   * in time, and `'unknown'` where the error says nothing.
   */
  readonly reason?: string;
  /** The last trouble of this process with the store: an outage, or a kind of command that the back-end refuses. */
  readonly lastError?: {
    readonly reason: string;
    /** When it began, as an ISO 8601 text. */
    readonly since: string;
    /** When it had passed. Absent: it goes on, as far as is known. */
    readonly until?: string;
  };
}

/** The result of a health indicator of `@nestjs/terminus`: one entry, under the key that was asked for. */
export type SessionHealthResult<Key extends string = string> = Record<Key, SessionStoreHealth>;

/**
 * Whether the store of the sessions serves: a health indicator for `@nestjs/terminus` 11 and 12, which it does not need.
 * `health.check([() => sessionHealth.isHealthy('sessions')])`. That of a module with a `name` has the token
 * `getSessionHealthToken(name)`.
 */
@Injectable()
export class SessionHealth {
  readonly #engine: SessionEngine;

  constructor(engine: SessionEngine) {
    this.#engine = engine;
  }

  /**
   * Reads a key under which there is nothing. Never rejects: where the store fails, the status is `'down'`, of which terminus makes a
   * 503. It is `'up'` also while the back-end refuses writes, as a full one does; then `lastError` tells of it.
   * @param key the name of the entry.
   */
  async isHealthy<const Key extends string = 'sessions'>(key?: Key): Promise<SessionHealthResult<Key>> {
    return { [key ?? 'sessions']: await this.#check() } as SessionHealthResult<Key>;
  }

  async #check(): Promise<SessionStoreHealth> {
    const start = performance.now();
    const error = await this.#probe();
    const responseTime = Math.round(performance.now() - start);
    if (error === undefined) return { status: 'up', responseTime, ...this.#lastError };
    return { status: 'down', responseTime, reason: shownReason(error), ...this.#lastError };
  }

  /** @returns why the store does not serve. */
  async #probe(): Promise<Error | undefined> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Error>((resolve) => {
      timer = setTimeout(
        () => resolve(new SessionStoreError('The session store did not answer.', { isTimeout: true })),
        DEADLINE_MS,
      );
    });
    try {
      return (await Promise.race([late, this.#engine.records.probe()])) ?? undefined;
    } catch (error) {
      return error as Error;
    } finally {
      clearTimeout(timer);
    }
  }

  get #lastError(): Pick<SessionStoreHealth, 'lastError'> {
    const { last } = this.#engine.trouble;
    if (last === undefined) return {};
    const { reason, since, until } = last;
    const end = until && { until: until.toISOString() };
    return { lastError: { reason, since: since.toISOString(), ...end } };
  }
}
