import { randomBytes } from 'node:crypto';

import { placed } from './placed-version.js';
import type { SessionStore, StoredSession } from './session-store.js';

interface MigratingValuesOptions {
  readonly from: SessionStore;
  readonly to: SessionStore;
  readonly moves: boolean;
  /** Whether the two may be one back-end, in which only the keys of sessions begin otherwise. */
  readonly mayBeOne: boolean;
}

/** Seconds. */
const PROBE = 30;

/**
 * The values of the application while sessions move from one store to another. They may be any text, so that no mark can stand in their
 * place: a value stays where it is until the application sets it anew.
 */
export class MigratingValues {
  readonly #from: SessionStore;
  readonly #to: SessionStore;
  readonly #moves: boolean;
  readonly #mayBeOne: boolean;
  #isOne: Promise<boolean> | undefined;

  constructor({ from, to, moves, mayBeOne }: MigratingValuesOptions) {
    this.#from = from;
    this.#to = to;
    this.#moves = moves;
    this.#mayBeOne = mayBeOne;
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    const isOne = await this.#isOneBackEnd();
    if (!this.#moves && !isOne) await this.#from.set(key, value, ttl);
    await this.#to.set(key, value, ttl);
    if (this.#moves && !isOne) await this.#from.delete(key);
  }

  async delete(key: string): Promise<boolean> {
    const wasThere = await this.#to.delete(key);
    return (await this.#from.delete(key)) || wasThere;
  }

  async read(key: string): Promise<StoredSession | undefined> {
    for (const store of [this.#to, this.#from, this.#to]) {
      const found = await store.read(key);
      // It may have gone from the one to the other between the two reads.
      if (found !== undefined) return placed(store, found);
    }
    return undefined;
  }

  /** Begins in `from`, so that of two processes one creates the value, even if one of them does not move any. */
  async create(key: string, value: string, ttl: number): Promise<boolean> {
    if (await this.#isOneBackEnd()) return this.#to.create(key, value, ttl);
    if ((await this.read(key)) !== undefined || !(await this.#from.create(key, value, ttl))) return false;
    const isNew = this.#moves ? await this.#to.create(key, value, ttl) : (await this.#to.read(key)) === undefined;
    if (this.#moves || !isNew) await this.#from.delete(key);
    return isNew;
  }

  /** Whether the two are one back-end. Only a look can tell: two clients may have one address. */
  async #isOneBackEnd(): Promise<boolean> {
    if (!this.#mayBeOne) return false;
    this.#isOne ??= this.#look();
    try {
      return await this.#isOne;
    } catch (error) {
      this.#isOne = undefined;
      throw error;
    }
  }

  async #look(): Promise<boolean> {
    const key = `nest-session probe ${randomBytes(12).toString('base64url')}`;
    await this.#to.create(key, 'probe', PROBE);
    const found = await this.#from.get(key);
    await this.#to.delete(key);
    return found !== undefined;
  }
}
