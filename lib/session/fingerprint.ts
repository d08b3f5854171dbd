import { FingerprintWriter } from './fingerprint-writer.js';
import { plainTape } from './plain-tape.js';

/**
 * A text that changes with everything in the value that any serializer could store: values with the same text are the same to all
 * serializers. A serializer's own text would not do, because an encrypted text differs each time.
 * @returns the text; `undefined` when there is none, as for a function, or for an instance of a class without `toJSON`, which may
 * hold in private fields what its serializer stores.
 */
export function fingerprint(value: unknown): string | undefined {
  // No text of the writer is JSON, so the two never collide.
  return textOf(() => (plainTape(value) !== undefined ? JSON.stringify(value) : new FingerprintWriter().write(value)));
}

/** The {@link fingerprint} of a value that is known to have no tape, as it is not plain. */
export function fingerprintOfOther(value: unknown): string | undefined {
  return textOf(() => new FingerprintWriter().write(value));
}

function textOf(write: () => string): string | undefined {
  try {
    return write();
  } catch {
    // A getter or a `toJSON` of the application has thrown.
    return undefined;
  }
}
