import type { TrackedData } from '../session/tracked-data.js';
import { SessionDestroyedError } from '../session.errors.js';
import { SerialQueue } from './serial-queue.js';
import { calledInsideUpdate, isInsideUpdate } from './update-function.js';
import { WatchedPromise } from './watched-promise.js';

/**
 * What a request does to its session.
 * @param changed the keys changed before the call. Keys assigned after it belong to what comes next.
 */
type Action<R> = (changed: ReadonlySet<string>) => Promise<R>;

/** A destroy or regenerate that waits or runs. */
interface Ending {
  readonly method: EndingMethod;
  /** When it was called. */
  readonly moment: number;
  isWaiting: boolean;
}

type EndingMethod = 'destroy' | 'regenerate';

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
  /** How many calls of the application wait or run. A commit is none. */
  #calls = 0;
  /** The destroys and regenerates that wait or run, in order. */
  #endings: Ending[] | undefined;
  #failedEnding: FailedAction | undefined;
  #failedActions: FailedAction[] | undefined;

  /** @param session the session of the request. Its update functions must not add actions: each would wait for the other. */
  constructor(session: { readonly data: TrackedData }) {
    super();
    this.#session = session;
  }

  /** Whether a call of the application waits or runs. */
  get hasCalls(): boolean {
    return this.#calls > 0;
  }

  /** What is assigned after this moment belongs to the session that comes after a waiting destroy or regenerate. */
  get horizon(): number {
    return this.#endings?.find(({ isWaiting }) => isWaiting)?.moment ?? Infinity;
  }

  /** Whether a destroy waits or runs. Should it fail, the response fails too. */
  get isDestroying(): boolean {
    return this.#endings?.some(({ method }) => method === 'destroy') ?? false;
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

  /** Forgets the failed destroy or regenerate, so that the session can be saved again. */
  forgetFailedEnding(): void {
    this.#failedEnding = undefined;
  }

  /** Runs a save, reload or update. If the application does not wait for it, the next commit reports its failure. */
  do<R>(method: 'save' | 'reload' | 'update', action: Action<R>): Promise<R> {
    const onFailure: OnFailure = (failed) => (this.#failedActions ??= []).push(failed);
    return isInsideUpdate(this.#session) ? refuse(method, onFailure) : this.#watch(action, onFailure);
  }

  /** Runs a destroy or regenerate. If it fails, nothing is saved until one succeeds. */
  end(method: EndingMethod, action: Action<void>): Promise<void> {
    const onFailure: OnFailure = (failed) => (this.#failedEnding = failed);
    if (isInsideUpdate(this.#session)) return refuse(method, onFailure);
    const ending: Ending = { method, moment: this.#session.data.moment, isWaiting: true };
    const endings = (this.#endings ??= []);
    endings.push(ending);
    return this.#watch(async (changed) => {
      ending.isWaiting = false;
      this.forgetFailedEnding();
      try {
        await action(changed);
      } finally {
        endings.splice(endings.indexOf(ending), 1);
      }
    }, onFailure);
  }

  #watch<R>(action: Action<R>, onFailure: OnFailure): Promise<R> {
    const called = this.#session.data.moment;
    this.#calls++;
    const run = async (): Promise<R> => {
      const { data } = this.#session;
      const changed = data.takeChanges(called);
      try {
        return await action(changed);
      } catch (error) {
        data.markChanged(changed);
        // Noted before the next action begins, which may be the commit.
        onFailure({ error: error as Error, promise });
        throw error;
      } finally {
        this.#calls--;
      }
    };
    const promise: WatchedPromise<R> = WatchedPromise.of(this.run(run));
    return promise;
  }
}

type OnFailure = (failed: FailedAction) => void;

/** Fails like an action, at once. */
function refuse<R>(method: string, onFailure: OnFailure): Promise<R> {
  const error = calledInsideUpdate(method);
  const promise = WatchedPromise.of(Promise.reject<R>(error));
  onFailure({ error, promise });
  return promise;
}
