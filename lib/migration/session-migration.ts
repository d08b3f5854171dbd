import type { KeyedSigner } from '../cookies/keyed-signer.js';

/** How to find and read the sessions of the library that the application used before. */
export interface SessionMigration {
  /** That library's cookie: read here, and removed from the browser together with the first cookie of ours. */
  readonly cookie: { readonly name: string; readonly path: string; readonly domain: string | undefined };
  /** Verifies that library's cookie. */
  readonly signer: Pick<KeyedSigner, 'sign' | 'unsign'>;
  /** What that library's keys in the store begin with; the id follows. */
  readonly prefix: string;
  /** The record in a text of that library; `undefined` when the text is no record. */
  readonly parse: (text: string) => MigrationRecord | undefined;
  /**
   * The id under which a session continues. It is the same for all requests with the old id, so that parallel requests reach one
   * session, and cannot be found without the secret.
   */
  readonly newIdOf: (id: string) => string;
}

/** A record of the library that the application used before. */
export interface MigrationRecord {
  readonly data: Readonly<Record<string, unknown>>;
  /** When the session ends, in epoch seconds; `undefined`: when the browser closes. */
  readonly expiresAt: number | undefined;
}
