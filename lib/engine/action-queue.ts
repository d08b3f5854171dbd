import type { TrackedData } from '../session/tracked-data.js';
import { SessionDestroyedError } from '../session.errors.js';
import { SerialQueue } from './serial-queue.js';
import { calledInsideUpdate, isInsideUpdate } from './session-update.js';
import { WatchedPromise } from './watched-promise.js';

/**
 * One thing that a request does to its session.
 * @param changed the keys that the request changed before the call. Keys changed after the call belong to the next action.
 */
type Action<R> = (changed: ReadonlySet<string>) => Promise<R>;

/** An action that failed. */
interface FailedAction {
  readonly error: Error;
  /** The promise that the application was given, and may wait for. */
  readonly promise: WatchedPromise<unknown>;
}

/**
 * Runs everything that one request does to its session in the order in which it was called. Keeps the failures that the application
 * may not have waited for, so that the next commit reports them.
 */
export class ActionQueue extends SerialQueue {
  readonly #session: { readonly data: TrackedData };
  #failedEnding: FailedAction | undefined;
  #failedUpdates: FailedAction[] | undefined;

  /** @param session the session of the request. Its update functions must not add actions: each would wait for the other. */
  constructor(session: { readonly data: TrackedData }) {
    super();
    this.#session = session;
  }

  /**
   * The failed destroy or regenerate after which nothing may be saved, because the application wrote what follows as if it had
   * succeeded. A `SessionDestroyedError` that the application has waited for does not count: nothing of that session can be saved
   * anyway.
   */
  get failedEnding(): FailedAction | undefined {
    const failed = this.#failedEnding;
    return failed?.promise.isWatched && failed.error instanceof SessionDestroyedError ? undefined : failed;
  }

  /**
   * The error that a commit must report instead of saving: the error of a failed update once, that of a failed destroy or
   * regenerate until one succeeds.
   */
  takeFailure(): Error | undefined {
    const untold = this.#failedUpdates?.find(({ promise }) => !promise.isWatched);
    this.#failedUpdates = undefined;
    return (untold ?? this.failedEnding)?.error;
  }

  /** Forgets the failed destroy or regenerate, so that the session can be saved again. */
  forgetFailedEnding(): void {
    this.#failedEnding = undefined;
  }

  /** Runs an update. If the application does not wait for it, the next commit reports its failure. */
  update<R>(action: Action<R>): Promise<R> {
    const updateAfterEnding: Action<R> = async (changed) => {
      const failed = this.failedEnding;
      // After a login whose regenerate failed, this would save the user's data in the session from before the login.
      if (failed !== undefined) throw failed.error;
      return action(changed);
    };
    return this.#watch('update', updateAfterEnding, (failed) => (this.#failedUpdates ??= []).push(failed));
  }

  /** Runs a destroy or regenerate. If it fails, nothing is saved until one succeeds. */
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
        // Noted before the next action begins, which may be the commit.
        onFailure({ error: error as Error, promise });
        throw error;
      }
    };
    const promise: WatchedPromise<R> = WatchedPromise.of(this.run(run));
    return promise;
  }
}
