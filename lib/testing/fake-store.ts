import { MemoryStore } from '../stores/memory.store.js';
import type { ReplaceOutcome, StoredSession, TextVersionedStore } from '../stores/session-store.js';

/** The store behind a stand-in: a {@link MemoryStore} that can tell the version of a record without a read, which takes a promise. */
export class FakeStore extends MemoryStore implements TextVersionedStore {
  override async read(key: string): Promise<StoredSession | undefined> {
    const value = await this.get(key);
    return value === undefined ? undefined : { value, version: value };
  }

  override async replace(...args: Parameters<MemoryStore['replace']>): Promise<ReplaceOutcome> {
    const [key, value, ttl, version] = args;
    const stored = await super.read(key);
    if (stored === undefined) return 'missing';
    return stored.value === version ? super.replace(key, value, ttl, stored.version) : 'conflict';
  }

  versionOf(value: string): unknown {
    return value;
  }
}
