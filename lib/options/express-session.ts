import { HmacSigner } from '../cookies/hmac.signer.js';
import { ExpressSessionSigner } from '../cookies/express-session.signer.js';
import type { Secret } from '../cookies/salted-key.js';
import { parseConnectRecord } from '../serializers/connect-record.js';
import { SessionConfigurationError } from '../session.errors.js';
import type { SessionMigration } from './session-migration.js';

/** What an application told express-session and its store. */
export interface ExpressSessionOptions {
  /** Its `secret`; of a list all verify. */
  readonly secret: Secret | readonly Secret[];
  /** The `prefix` of connect-redis, connect-memcached and their kin. @default 'sess:' */
  readonly prefix?: string;
  /** Its `name`. @default 'connect.sid' */
  readonly name?: string;
  /** Its `cookie.path`, to remove the cookie. @default '/' */
  readonly path?: string;
  /** Its `cookie.domain`, to remove the cookie. @default undefined */
  readonly domain?: string;
}

/**
 * For the option `migrateFrom`: takes over the sessions that express-session left in the same back-end, so that nobody has to sign
 * in again. The first request with an old cookie finds the record, as connect-redis writes it, stores it as a native one under a
 * new id, and deletes the old; its answer brings the new cookie and removes the old one.
 * @throws {SessionConfigurationError} when there is no secret, one is empty, or an option is no text.
 */
export function expressSession(options: ExpressSessionOptions): SessionMigration {
  const { secret, prefix = 'sess:', name = 'connect.sid', path = '/', domain } = options;
  for (const [key, value] of Object.entries({ prefix, name, path, domain: domain ?? '' })) {
    if (typeof value === 'string') continue;
    throw new SessionConfigurationError(`expressSession: ${key} is no text: write what express-session was told.`);
  }
  // Signing is what makes the new id: without the secret nobody can tell it from the old one.
  const successor = new HmacSigner(secret, { salt: 'nest-session migration' });
  return {
    cookie: { name, path, domain },
    signer: new ExpressSessionSigner(secret),
    prefix,
    parse: parseConnectRecord,
    successorOf: (id) => successor.sign(id).slice(id.length + 1),
  };
}
