import { AsyncLocalStorage } from 'node:async_hooks';

import type { SessionPlace } from '../http/request-slot.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { SessionConfigurationError } from '../session.errors.js';

/**
 * The request or message that the running code belongs to (`context: true`). Each SessionModule has a storage of its own: with one for
 * all, code of an application would take the request of another one, which calls it in the same process, for its own.
 */
export class CurrentPlace {
  /** Whether the option is on. While it is off the storage is never entered, and so costs nothing. */
  readonly isOn: boolean;
  readonly #storage = new AsyncLocalStorage<SessionPlace>();

  constructor({ context }: Pick<ResolvedOptions, 'context'>) {
    this.isOn = context;
  }

  /** Runs the work, and all that it starts, as part of this request or message. */
  enter<R>(place: SessionPlace, work: () => R): R {
    return this.#storage.run(place, work);
  }

  /** @throws {SessionConfigurationError} when the option is off, or the running code belongs to no request. */
  get(): SessionPlace {
    const place = this.#storage.getStore();
    if (place !== undefined) return place;
    throw new SessionConfigurationError(
      this.isOn
        ? 'sessions.current() was called outside any request, as by a cron job, a start-up hook or the guard of a gateway: give sessions.open(source) a request or context there. Bind a function that a library calls later: AsyncResource.bind(fn).'
        : 'sessions.current() needs `context: true` among the options of the SessionModule: set it, or open the session of a request or context with sessions.open(source).',
    );
  }
}

/** Runs the work as part of this request or message, for those of several SessionModules that have the option on. */
export function enterEach<R>(currents: readonly CurrentPlace[], place: SessionPlace, work: () => R): R {
  const entered = currents.filter(({ isOn }) => isOn);
  return entered.reduce((run, current) => () => current.enter(place, run), work)();
}
