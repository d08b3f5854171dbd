import type { TrackedData } from '../session/tracked-data.js';
import { SessionDestroyedError } from '../session.errors.js';
import { SerialQueue } from './serial-queue.js';
import { calledInsideUpdate, isInsideUpdate } from './session-update.js';
import { WatchedPromise } from './watched-promise.js';

/**
 * What a request does to its session.
 * @param changed the keys changed before the call. Keys changed after it belong to what comes next.
 */
type Action<R> = (changed: ReadonlySet<string>) => Promise<R>;

/** An action that failed. */
interface FailedAction {
  readonly error: Error;
  /** What the application was given, and may wait for. */
  readonly promise: WatchedPromise<unknown>;
}

/**
 * Runs all that one request does to its session in the order in which it was called, and keeps the failures that the application
 * may not have waited for, so that the next commit can report them.
 */
export class ActionQueue extends SerialQueue {
  readonly #session: { readonly data: TrackedData };
  #failedEnding: FailedAction | undefined;
  #failedUpdates: FailedAction[] | undefined;

  /** @param session whose update functions must not add actions: each would wait for the other. */
  constructor(session: { readonly data: TrackedData }) {
    super();
    this.#session = session;
  }

  /**
   * The failed destroy or regenerate that keeps what follows from being saved as if it had been done. One that has found the record
   * gone, and has told the application, does not: nothing of that session will be saved anyway.
   */
  get failedEnding(): FailedAction | undefined {
    const failed = this.#failedEnding;
    return failed?.promise.isWatched && failed.error instanceof SessionDestroyedError ? undefined : failed;
  }

  /** The error that a commit must report instead of saving: of an update, once; of a destroy or regenerate, until one succeeds. */
  takeFailure(): Error | undefined {
    const untold = this.#failedUpdates?.find(({ promise }) => !promise.isWatched);
    this.#failedUpdates = undefined;
    return (untold ?? this.failedEnding)?.error;
  }

  /** Nothing that failed before counts any more. */
  forgetFailedEnding(): void {
    this.#failedEnding = undefined;
  }

  /** Runs an update. Unless the application waits for it, the next commit reports its failure. */
  update<R>(action: Action<R>): Promise<R> {
    const updateAfterEnding: Action<R> = async (changed) => {
      const failed = this.failedEnding;
      // After a login whose regenerate failed, the data of the user would be saved in the session from before.
      if (failed !== undefined) throw failed.error;
      return action(changed);
    };
    return this.#watch('update', updateAfterEnding, (failed) => (this.#failedUpdates ??= []).push(failed));
  }

  /** Runs a destroy or regenerate. Until one succeeds, its failure keeps what follows from being saved. */
  end(method: 'destroy' | 'regenerate', action: Action<void>): Promise<void> {
    const endAnew: Action<void> = (changed) => {
      this.forgetFailedEnding();
      return action(changed);
    };
    return this.#watch(method, endAnew, (failed) => (this.#failedEnding = failed));
  }

  #watch<R>(method: string, action: Action<R>, onFailure: (failed: FailedAction) => void): Promise<R> {
    if (isInsideUpdate(this.#session)) {
      const error = calledInsideUpdate(method);
      const refused = WatchedPromise.of(Promise.reject<R>(error));
      onFailure({ error, promise: refused });
      return refused;
    }
    const { assignments } = this.#session.data;
    const run = async (): Promise<R> => {
      const { data } = this.#session;
      const changed = data.takeChanges(assignments);
      try {
        return await action(changed);
      } catch (error) {
        data.markChanged(changed);
        // Noted here, before the next action begins: that may be the commit.
        onFailure({ error: error as Error, promise });
        throw error;
      }
    };
    const promise: WatchedPromise<R> = WatchedPromise.of(this.run(run));
    return promise;
  }
}
