import { HmacSigner } from '../cookies/hmac.signer.js';
import { ExpressSessionSigner } from '../cookies/express-session.signer.js';
import type { ResolvedCookie } from '../cookies/cookie-options.js';
import { validateCookie } from '../cookies/cookie-rules.js';
import type { Secret } from '../cookies/keyed-signer.js';
import { parseConnectRecord } from './connect-record.js';
import { SessionConfigurationError } from '../session.errors.js';
import { shown } from '../shown.js';
import type { SessionMigration } from './session-migration.js';

/** What an application told express-session and its store. */
export interface ExpressSessionOptions {
  /** Its `secret`; of a list all verify. The first one makes the new ids: leave it in its place until the migration is done. */
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
 * @throws {SessionConfigurationError} when there is no secret, one is empty, or an option is unknown or no browser would take it.
 */
export function expressSession(options: ExpressSessionOptions): SessionMigration {
  const { secret, prefix, name, path, domain } = checked(options);
  // Signing is what makes the new id: without the secret nobody can tell it from the old one.
  const successor = new HmacSigner(secret, { salt: 'nest-session migration' });
  return {
    cookie: { name, path, domain },
    signer: new ExpressSessionSigner(secret),
    prefix,
    parse: parseConnectRecord,
    newIdOf: (id) => successor.sign(id).slice(id.length + 1),
  };
}

const DEFAULTS = { prefix: 'sess:', name: 'connect.sid', path: '/', domain: undefined };
const KNOWN: readonly string[] = [...Object.keys(DEFAULTS), 'secret'];

function checked(
  options: ExpressSessionOptions,
): Required<ExpressSessionOptions> & { readonly domain: string | undefined } {
  const given = { ...DEFAULTS, ...options };
  const unknown = Object.keys(given).find((key) => !KNOWN.includes(key));
  if (unknown !== undefined) {
    throw new SessionConfigurationError(
      `expressSession has no option '${unknown}': the options are ${KNOWN.join(', ')}.`,
    );
  }
  if (given.secret === undefined) {
    throw new SessionConfigurationError(
      'expressSession needs the secret that express-session was told: pass { secret }.',
    );
  }
  if (typeof given.prefix !== 'string') {
    throw new SessionConfigurationError(
      `expressSession: prefix is ${shown(given.prefix)}: write a string such as 'sess:'.`,
    );
  }
  const { name, path, domain } = given;
  validateCookie({
    name,
    path,
    domain,
    httpOnly: true,
    secure: true,
    sameSite: 'lax',
    persistent: true,
  } as ResolvedCookie);
  return given as ReturnType<typeof checked>;
}
