import type { ResolvedOptions } from '../options/resolve-options.js';
import { SessionLifetime } from '../session/session-lifetime.js';
import { recordFromWire } from '../session/session-record.js';
import { isTombstone } from '../session/tombstone.js';
import { GENERATION, GENERATION_SECONDS, LIST } from './user-index.js';
import { listFromWire, ttlOf } from './user-list.js';

/** Tells for how long a store should keep a text, from the times in it: a store itself tells no remaining lifetime. */
export class TextLifetime {
  readonly #options: ResolvedOptions;
  readonly #lifetime: SessionLifetime;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#lifetime = new SessionLifetime(options);
  }

  /**
   * Seconds; `undefined` when the text is neither a record of a session nor a list of a user's sessions.
   * @param key the key under which a store has the text.
   */
  secondsOf(key: string, text: string): number | undefined {
    const { keyPrefix, maxRecordBytes } = this.#options;
    if (!key.startsWith(keyPrefix) || isTombstone(text) || Buffer.byteLength(text) > maxRecordBytes) return undefined;
    const name = key.slice(keyPrefix.length);
    if (name.startsWith(GENERATION)) return GENERATION_SECONDS;
    const payload = this.#parsed(text);
    if (name.startsWith(LIST)) {
      const list = listFromWire(payload);
      return list && ttlOf(list);
    }
    const record = recordFromWire(payload, this.#options.recordNames);
    return record && this.#lifetime.ttl(record.meta);
  }

  #parsed(text: string): unknown {
    try {
      return this.#options.serializer.parse(text);
    } catch {
      return undefined;
    }
  }
}
