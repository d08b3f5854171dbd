import type { CookieSigner } from '../cookies/cookie-signer.js';
import type { ConnectRecord } from './connect-record.js';

/** How to find and read the sessions of the library that was used before. */
export interface SessionMigration {
  /** Its cookie: read here, and removed from the browser together with the first cookie of ours. */
  readonly cookie: { readonly name: string; readonly path: string; readonly domain: string | undefined };
  readonly signer: CookieSigner;
  /** What its keys in the store begin with; the id follows. */
  readonly prefix: string;
  /** `undefined`: the text is no record. */
  readonly parse: (text: string) => ConnectRecord | undefined;
  /**
   * The id under which a session goes on: the same for all requests that carry the old one, so that parallel ones meet, and known to
   * nobody who does not have the secret.
   */
  readonly newIdOf: (id: string) => string;
}
