import type { MongoCollection } from './mongo-client.js';
import { isServerRefusal } from './mongo-errors.js';

const FIELDS = { expiresAt: 1 } as const;

/**
 * The index by which MongoDB deletes expired records. It is made in the background, and again after an outage, for the server may be
 * another one then: making an index that exists does nothing.
 */
export class ExpiryIndex {
  readonly #collection: MongoCollection;
  #isMade = false;
  #isRefused = false;

  constructor(collection: MongoCollection) {
    this.#collection = collection;
  }

  /** Makes the index, unless it is made or the server has refused it. */
  make(): void {
    if (this.#isMade || this.#isRefused) return;
    this.#isMade = true;
    const options = { expireAfterSeconds: 0, writeConcern: { w: 'majority' } };
    this.#collection.createIndex(FIELDS, options).catch((error: unknown) => {
      this.#isMade = false;
      if (isServerRefusal(error)) this.#tell(error);
    });
  }

  /** The server was away. */
  doubt(): void {
    this.#isMade = false;
  }

  #tell(error: unknown): void {
    if (this.#isRefused) return;
    this.#isRefused = true;
    const { codeName = 'an error' } = error as { codeName?: unknown };
    process.emitWarning(
      `MongoDB answered ${String(codeName)} to the index that deletes expired sessions, so that they stay on its disk. Make it ` +
        'yourself: db.<collection>.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 })',
      { code: 'NEST_SESSION_MONGO_INDEX' },
    );
  }
}
