/**
 * A promise that knows whether anybody waits for it. A failure that nobody waits for does not end the process, so that it can be
 * told in another way.
 */
export class WatchedPromise<R> extends Promise<R> {
  /** What `then` and its kin make are ordinary promises. */
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

  // `await` comes here too: this is not the built-in class.
  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise, and has one anyway
  override then<A = R, B = never>(
    onFulfilled?: ((value: R) => A | PromiseLike<A>) | null,
    onRejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#isWatched = true;
    return super.then(onFulfilled, onRejected);
  }
}
