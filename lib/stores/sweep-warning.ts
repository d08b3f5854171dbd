import { isStoreRefusal } from '../session.errors.js';

/**
 * Tells once that sweeps fail, as a warning of the process, and again only after one has worked: expired records pile up meanwhile, and
 * nothing else tells of it. Where the back-end did not refuse, it may just be away, of which the commands tell: then a second sweep has
 * to fail as well.
 */
export class SweepWarning {
  readonly #store: string;
  #failures = 0;
  #isTold = false;

  /** @param store the class of the store, for which the warning is named. */
  constructor(store: string) {
    this.#store = store;
  }

  /** A sweep has failed. @param message without keys and records. */
  failed(error: unknown, message: () => string): void {
    this.#failures++;
    if (this.#isTold || (!isStoreRefusal(error) && this.#failures < 2)) return;
    this.#isTold = true;
    process.emitWarning(message(), this.#store);
  }

  /** A sweep has worked. */
  worked(): void {
    this.#failures = 0;
    this.#isTold = false;
  }
}
