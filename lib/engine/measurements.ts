import { channel, type Channel } from 'node:diagnostics_channel';

import type { SessionStore } from '../stores/session-store.js';
import type { RefusedBecause } from './session-event.js';

/** What every measurement says. It never holds a session id, a handle, a user, a key of the store or a path. */
interface AnyMeasurement {
  /** The `name` of the SessionModule. */
  readonly sessions: string;
  /** How long it took, in milliseconds. */
  readonly duration: number;
}

/**
 * How a command of the store ended:
 *
 * - `'ok'`: the store has done it, or has found what it was asked for.
 * - `'missing'`: there was nothing under the key.
 * - `'conflict'`: another write was first, or the key was taken.
 * - `'refused'`: the back-end itself has refused it, such as with "out of memory".
 * - `'failed'`: the back-end was down or silent.
 */
export type StoreCommandOutcome = 'ok' | 'missing' | 'conflict' | 'refused' | 'failed';

/** A command of the store has ended: a message of the channel `nest-session:store-command`. */
export interface StoreCommandMeasurement extends AnyMeasurement {
  /** The `store` of the options, such as `'redis'`; for a store of yours the name of its class. */
  readonly store: string;
  /** The method of the store. */
  readonly verb: keyof SessionStore;
  readonly outcome: StoreCommandOutcome;
  /**
   * Why it was refused or failed: a code such as `'ECONNREFUSED'`, or the class of the driver's error, or `'timeout'` where there was no
   * answer in time; `undefined` where the store tells none.
   */
  readonly reason: string | undefined;
}

/**
 * What a request has opened:
 *
 * - `'found'`: the session that it presents.
 * - `'new'`: a new session, as it presents none.
 * - why the cookie opens nothing, as in the event `refused`, or `'expired'` and `'unlisted'` as in `ended`: a new session as well.
 * - `'failed'`: nothing, as the store has failed.
 */
export type OpenedOutcome = 'found' | 'new' | RefusedBecause | 'expired' | 'unlisted' | 'failed';

/** A request has asked for its session: a message of the channel `nest-session:opened`. */
export interface OpenedMeasurement extends AnyMeasurement {
  readonly outcome: OpenedOutcome;
  /** Why it failed, as in {@link StoreCommandMeasurement.reason}; `undefined` where it has not. */
  readonly reason: string | undefined;
}

/**
 * How the save of a session ended:
 *
 * - `'created'`: a new session was stored.
 * - `'replaced'`: what the request changed was written, or the lifetime was renewed.
 * - `'destroyed'`: the request has removed all data, and the record with them.
 * - `'gone'`: another request has ended the session, so that nothing was written.
 * - `'conflict'`: it gave up, as others wrote all the time.
 * - `'failed'`: the store has failed, or the data cannot be stored.
 */
export type CommittedOutcome = 'created' | 'replaced' | 'destroyed' | 'gone' | 'conflict' | 'failed';

/** A session was saved, after as many attempts as it took: a message of the channel `nest-session:committed`. */
export interface CommittedMeasurement extends AnyMeasurement {
  readonly outcome: CommittedOutcome;
  /** Why it failed, as in {@link StoreCommandMeasurement.reason}, or the class of another error; `undefined` where it has not. */
  readonly reason: string | undefined;
}

/**
 * How an outage ended:
 *
 * - `'recovered'`: the store serves again.
 * - `'closed'`: the application has shut down meanwhile.
 */
export type OutageOutcome = 'recovered' | 'closed';

/** An outage of the store has ended, for this application: a message of the channel `nest-session:outage-ended`. */
export interface OutageMeasurement extends AnyMeasurement {
  readonly outcome: OutageOutcome;
  /** The `at` of the event `outage`: the same object. */
  readonly since: Date;
}

/** One channel of Node's `diagnostics_channel`. Where nothing listens, it costs a look at that. */
export class Measurements<Message extends AnyMeasurement> {
  readonly #channel: Channel;

  constructor(name: string) {
    this.#channel = channel(name);
  }

  /** When it begins; `undefined` where nothing listens. */
  get start(): number | undefined {
    return this.#channel.hasSubscribers ? performance.now() : undefined;
  }

  /** @param start what {@link Measurements.start} was. */
  publish(start: number, message: Omit<Message, 'duration'>): void {
    this.#channel.publish(Object.freeze({ ...message, duration: performance.now() - start }));
  }
}

export const STORE_COMMANDS = new Measurements<StoreCommandMeasurement>('nest-session:store-command');
export const OPENINGS = new Measurements<OpenedMeasurement>('nest-session:opened');
export const OUTAGES = new Measurements<OutageMeasurement>('nest-session:outage-ended');
export const COMMITS = new Measurements<CommittedMeasurement>('nest-session:committed');
