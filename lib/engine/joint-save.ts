import type { ReadRecord, SessionRecord } from '../session/session-record.js';
import { isUncertain, SessionStoreError } from '../session.errors.js';
import type { WaitingSave } from './keyed-queue.js';
import type { Change } from './record-change.js';
import type { Written } from './session-records.js';

interface Joined {
  readonly save: WaitingSave;
  readonly change: Change;
}

/**
 * A save, and those that wait behind it for the same record: one compare-and-set writes them all. Each makes its change on what the
 * one before it has left, as it would have done in its own turn. No object of one request gets into the session of another: what
 * the record holds afterwards, each decodes from the text. The serializer, and so a `toJSON` of a value, runs in the asynchronous
 * context of the first.
 */
export class JointSave {
  #record: SessionRecord;
  readonly #version: unknown;
  readonly #joined: Joined[] = [];

  /** @param version that of the record which the first save has read. */
  constructor(first: SessionRecord, version: unknown) {
    this.#record = first;
    this.#version = version;
  }

  /** What all saves together write. */
  get record(): SessionRecord {
    return this.#record;
  }

  /** Whether it is more than one save. */
  get isJoint(): boolean {
    return this.#joined.length > 0;
  }

  /**
   * Adds a save that waits.
   * @returns `false` when it has to be done in its own turn, as when it removes the record, or fails.
   */
  add(save: WaitingSave): boolean {
    if (save.change === undefined) return false;
    const base: ReadRecord = { ...this.#record, version: this.#version };
    let change: Change;
    try {
      change = save.change(base);
    } catch {
      return false;
    }
    if (typeof change.replacement === 'string') return false;
    this.#record = change.replacement;
    this.#joined.push({ save, change });
    return true;
  }

  /** Tells the saves that joined how it ended. After a conflict they wait again, to join the next attempt. */
  end({ outcome, text }: Written): void {
    for (const { save, change } of this.#joined) {
      if (outcome === 'replaced') save.admit({ outcome, change, text });
      else save.admit(outcome === 'conflict' ? 'again' : { outcome: 'gone' });
    }
  }

  /**
   * Ends the saves that joined after an error of the store, which may have carried out the command; each gets an error of its own.
   * After any other error, such as that all together are too much for one record, they wait again, each for a command of its own.
   * @returns whether the first save may be tried again.
   */
  fail(error: unknown): boolean {
    const mayBeWritten = isUncertain(error);
    for (const { save } of this.#joined) {
      if (mayBeWritten) save.refuse(copyOf(error));
      else save.admit('alone');
    }
    return !mayBeWritten;
  }
}

function copyOf(error: SessionStoreError): SessionStoreError {
  const copy = new SessionStoreError(error.message, { cause: error.cause, isTimeout: error.isTimeout });
  // The log tells of the copy, too, where it tells of the error.
  return Object.setPrototypeOf(copy, Object.getPrototypeOf(error) as object) as SessionStoreError;
}
