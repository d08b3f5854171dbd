/**
 * A promise that knows whether the application waits for it. If it rejects and the application does not wait, the process does not
 * end: the next commit can report the error.
 */
export class WatchedPromise<R> extends Promise<R> {
  /** `then`, `catch` and `finally` return ordinary promises. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  #isWatched = false;

  static of<R>(work: Promise<R>): WatchedPromise<R> {
    const watched = new WatchedPromise<R>((resolve, reject) => void work.then(resolve, reject));
    void super.prototype.then.call(watched, undefined, () => undefined);
    return watched;
  }

  get isWatched(): boolean {
    return this.#isWatched;
  }

  // `await` also calls this method, because the class is not Promise itself.
  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise, and has one anyway
  override then<A = R, B = never>(
    onFulfilled?: ((value: R) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#isWatched = true;
    return super.then(onFulfilled, onRejected);
  }
}
