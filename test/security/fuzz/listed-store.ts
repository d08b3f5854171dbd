import type { ReplaceOutcome, SessionStore, StoredSession } from '../../../lib/index.js';

/** What a key for a session of ours looks like: prefix, and an id or its hash. */
const KEY = /^[\w-]+:[\w-]{16,128}$/;

/** A store of a few records that shows its keys, and refuses a key or a lifetime that no back-end should be given. */
export class ListedStore implements SessionStore {
  readonly #records = new Map<string, StoredSession>();
  readonly #longest: number;
  #writes = 0;

  /** @param longest seconds that no record may be kept for longer than. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  get keys(): readonly string[] {
    return [...this.#records.keys()];
  }

  textOf(key: string): string | undefined {
    return this.#records.get(key)?.value;
  }

  /** As another program would put it there. */
  plant(key: string, value: string): void {
    this.#records.set(key, { value, version: ++this.#writes });
  }

  async get(key: string): Promise<string | undefined> {
    return this.textOf(key);
  }

  async read(key: string): Promise<StoredSession | undefined> {
    if (!KEY.test(key)) throw new Error('The store was asked for what is no id.');
    return this.#records.get(key);
  }

  async set(key: string, value: string, ttl: number): Promise<void> {
    this.#write(key, value, ttl);
  }

  async delete(key: string): Promise<boolean> {
    return this.#records.delete(key);
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    if (this.#records.has(key)) return false;
    this.#write(key, value, ttl);
    return true;
  }

  async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    const stored = this.#records.get(key);
    if (stored === undefined) return 'missing';
    if (stored.version !== version) return 'conflict';
    this.#write(key, value, ttl);
    return 'replaced';
  }

  #write(key: string, value: string, ttl: number): void {
    if (!Number.isInteger(ttl) || ttl < 1 || ttl > this.#longest) throw new Error(`A lifetime of ${ttl} seconds.`);
    this.plant(key, value);
  }
}
