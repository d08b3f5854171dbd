import type { ResolvedCookie } from '../cookies/cookie-options.js';
import { validateCookie } from '../cookies/cookie-rules.js';
import { ExpressSessionSigner } from '../cookies/express-session.signer.js';
import { HmacSigner } from '../cookies/hmac.signer.js';
import type { Secret } from '../cookies/keyed-signer.js';
import { isPlainObject } from '../serializers/plain-object.js';
import { SessionConfigurationError } from '../session.errors.js';
import { shown } from '../shown.js';
import type { MigrationRecord, SessionMigration } from './session-migration.js';

/** How the application configured express-session and its store. */
export interface ExpressSessionOptions {
  /** Its `secret`; of a list all verify. The first one makes the new ids: leave it in its place until the migration is done. */
  readonly secret: Secret | readonly Secret[];
  /** The `prefix` of connect-redis, connect-memcached or another store. @default 'sess:' */
  readonly prefix?: string;
  /** Its `name`. @default 'connect.sid' */
  readonly name?: string;
  /** Its `cookie.path`, to remove the cookie. @default '/' */
  readonly path?: string;
  /** Its `cookie.domain`, to remove the cookie. @default undefined */
  readonly domain?: string;
}

type CheckedOptions = Required<Omit<ExpressSessionOptions, 'domain'>> & { readonly domain: string | undefined };

const DEFAULTS = { prefix: 'sess:', name: 'connect.sid', path: '/', domain: undefined };
const KNOWN: readonly string[] = [...Object.keys(DEFAULTS), 'secret'];

/**
 * For the option `migrateFrom`: migrates the sessions that express-session left in the same back-end, so that no user has to sign in
 * again. The first request with an old cookie finds the record, as connect-redis writes it, stores it as a native record under a
 * new id, and deletes the old record; the response sets the new cookie and removes the old one.
 * @throws {SessionConfigurationError} when there is no secret, one is empty, an option is unknown, or no browser would take the cookie.
 */
export function expressSession(options: ExpressSessionOptions): SessionMigration {
  const { secret, prefix, name, path, domain } = checked(options);
  // Signing makes the new id, so that only the secret leads from the old id to it.
  const ids = new HmacSigner(secret, { salt: 'nest-session migration' });
  return {
    cookie: { name, path, domain },
    signer: new ExpressSessionSigner(secret),
    prefix,
    parse: parseRecord,
    newIdOf: (id) => ids.sign(id).slice(id.length + 1),
  };
}

function checked(options: ExpressSessionOptions): CheckedOptions {
  const given: CheckedOptions = { ...DEFAULTS, ...options };
  const unknown = Object.keys(given).find((key) => !KNOWN.includes(key));
  if (unknown !== undefined) {
    throw new SessionConfigurationError(
      `expressSession has no option '${unknown}': the options are ${KNOWN.join(', ')}.`,
    );
  }
  if (given.secret === undefined) {
    throw new SessionConfigurationError('expressSession needs the secret of express-session: pass { secret }.');
  }
  if (typeof given.prefix !== 'string') {
    throw new SessionConfigurationError(
      `expressSession: prefix is ${shown(given.prefix)}: write a string such as 'sess:'.`,
    );
  }
  validateCookie(oldCookie(given));
  return given;
}

/** The old cookie, with attributes that every name is allowed to have. */
function oldCookie({ name, path, domain }: CheckedOptions): ResolvedCookie {
  const cookie = { name, path, httpOnly: true, secure: true, sameSite: 'lax', persistent: true } as const;
  return domain === undefined ? cookie : { ...cookie, domain };
}

/** Reads plain JSON that has the cookie's attributes beside the data, as connect-redis and other stores write it. */
function parseRecord(text: string): MigrationRecord | undefined {
  const payload = parseObject(text);
  const cookie = payload?.['cookie'];
  if (payload === undefined || typeof cookie !== 'object' || cookie === null) return undefined;
  const { cookie: _cookie, ...data } = payload;
  const { expires } = cookie as { expires?: unknown };
  const expiresAt = typeof expires === 'string' ? Date.parse(expires) / 1000 : NaN;
  return { data, expiresAt: Number.isNaN(expiresAt) ? undefined : expiresAt };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const payload: unknown = JSON.parse(text);
    return typeof payload === 'object' && payload !== null && isPlainObject(payload) ? payload : undefined;
  } catch {
    return undefined;
  }
}
