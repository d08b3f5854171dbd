import type { TrackedData } from '../session/tracked-data.js';
import { SessionDestroyedError } from '../session.errors.js';
import { SerialQueue } from './serial-queue.js';
import { calledInsideUpdate, isInsideUpdate } from './update-function.js';
import { WatchedPromise } from './watched-promise.js';

/**
 * What a request does to its session.
 * @param changed the keys changed before the call. Keys assigned after it belong to what comes next.
 * @param moment when the call was made.
 */
type Action<R> = (changed: ReadonlySet<string>, moment: number) => Promise<R>;

type Method = 'save' | 'reload' | 'update' | EndingMethod;
type EndingMethod = 'destroy' | 'regenerate';

/** A call of the application that waits or runs. */
interface Call {
  readonly method: Method;
  /** When it was made. */
  readonly moment: number;
  isWaiting: boolean;
}

const NO_CALLS: readonly Call[] = [];

/** An action that failed. */
interface FailedAction {
  readonly error: Error;
  /** The promise that the application got, and may wait for. */
  readonly promise: WatchedPromise<unknown>;
}

/**
 * Runs everything that one request does to its session in the order in which it was called. Keeps the failures that the application
 * may not have waited for, so that the next commit reports them.
 */
export class ActionQueue extends SerialQueue {
  readonly #session: { readonly data: TrackedData };
  /** In order. A commit is none. */
  #calls: readonly Call[] = NO_CALLS;
  #failedEnding: FailedAction | undefined;
  #failedActions: FailedAction[] | undefined;

  /** @param session the session of the request. Its update functions must not add actions: each would wait for the other. */
  constructor(session: { readonly data: TrackedData }) {
    super();
    this.#session = session;
  }

  /** Whether a call of the application waits or runs. */
  get hasCalls(): boolean {
    return this.#calls.length > 0;
  }

  /** When the first call that waits was made. What is assigned later is not saved before that call has run. */
  get horizon(): number {
    if (this.#calls.length === 0) return Infinity;
    return this.#calls.find(({ isWaiting }) => isWaiting)?.moment ?? Infinity;
  }

  /** Whether a destroy waits or runs. Should it fail, the response fails too. */
  get isDestroying(): boolean {
    return this.#calls.some(({ method }) => method === 'destroy');
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

  /** The error of a save, reload or update that failed since the last commit, and that the application has not waited for. */
  takeUnwatchedFailure(): Error | undefined {
    const unwatched = this.#failedActions?.find(({ promise }) => !promise.isWatched);
    this.#failedActions = undefined;
    return unwatched?.error;
  }

  /** Lets the session be saved again after a failed destroy or regenerate that the application has waited for. */
  forgetWatchedEnding(): void {
    if (this.#failedEnding?.promise.isWatched) this.#failedEnding = undefined;
  }

  /** Runs a save, reload or update. If the application does not wait for it, the next commit reports its failure. */
  runCall<R>(method: 'save' | 'reload' | 'update', action: Action<R>): Promise<R> {
    return this.#watch(method, action, (failed) => this.#noteFailure(failed));
  }

  /** Runs a destroy or regenerate. If it fails, nothing is saved until one succeeds. */
  runEnding(method: EndingMethod, action: Action<void>): Promise<void> {
    const end: Action<void> = (changed, moment) => {
      const before = this.#failedEnding;
      this.#failedEnding = undefined;
      if (before !== undefined) this.#noteFailure(before);
      return action(changed, moment);
    };
    return this.#watch(method, end, (failed) => (this.#failedEnding = failed));
  }

  #noteFailure(failed: FailedAction): void {
    const unwatched = this.#failedActions?.filter(({ promise }) => !promise.isWatched) ?? [];
    this.#failedActions = [...unwatched, failed];
  }

  #watch<R>(method: Method, action: Action<R>, onFailure: OnFailure): Promise<R> {
    if (isInsideUpdate(this.#session)) return refuse(method, onFailure);
    const call: Call = { method, moment: this.#session.data.moment, isWaiting: true };
    this.#calls = [...this.#calls, call];
    const run = async (): Promise<R> => {
      call.isWaiting = false;
      const { data } = this.#session;
      const changed = data.takeChanges(call.moment);
      try {
        return await action(changed, call.moment);
      } catch (error) {
        data.markChanged(changed);
        // Noted before the next action begins, which may be the commit.
        onFailure({ error: error as Error, promise });
        throw error;
      } finally {
        this.#calls = this.#calls.filter((other) => other !== call);
      }
    };
    const promise: WatchedPromise<R> = WatchedPromise.of(this.run(run));
    return promise;
  }
}

type OnFailure = (failed: FailedAction) => void;

/** Fails like an action, at once. */
function refuse<R>(method: Method, onFailure: OnFailure): Promise<R> {
  const error = calledInsideUpdate(method);
  const promise = WatchedPromise.of(Promise.reject<R>(error));
  onFailure({ error, promise });
  return promise;
}
