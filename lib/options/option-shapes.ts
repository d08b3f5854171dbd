import type { CookieSigner } from '../cookies/cookie-signer.js';
import type { SessionSerializer } from '../serializers/session-serializer.js';
import { SessionConfigurationError } from '../session.errors.js';
import type { MemcachedClient } from '../stores/memcached/memcached.store.js';

/** The names of those methods that a value does not have: all of them, when it is no object. */
export function missingMethods(value: unknown, names: readonly string[]): string[] {
  const methods = Object(value) as Readonly<Record<string, unknown>>;
  return names.filter((name) => typeof methods[name] !== 'function');
}

/** @throws {SessionConfigurationError} that names the missing methods. */
export function checkedSigner(signer: CookieSigner): CookieSigner {
  const remedy = 'give a CookieSigner, such as new HmacSigner(secret), or write secret instead';
  return checked('signer', signer, { names: ['sign', 'unsign'] satisfies (keyof CookieSigner)[], remedy });
}

/** @throws {SessionConfigurationError} that names the missing methods. */
export function checkedSerializer(serializer: SessionSerializer): SessionSerializer {
  const remedy = 'give a SessionSerializer, such as new TaggedJsonSerializer(), or leave it out';
  return checked('serializer', serializer, {
    names: ['stringify', 'parse'] satisfies (keyof SessionSerializer)[],
    remedy,
  });
}

/** @throws {SessionConfigurationError} that names the missing methods. */
export function checkedMemcachedClient(client: MemcachedClient): MemcachedClient {
  const remedy = 'give a client of the package "memcached", or write { servers } instead';
  const names = ['gets', 'set', 'add', 'cas', 'del'] satisfies (keyof MemcachedClient)[];
  return checked('memcached.client', client, { names, remedy });
}

const EXAMPLES = { redis: "{ url: 'redis://host:6379' }", memcached: "{ servers: 'host:11211' }" };

/** @throws {SessionConfigurationError} when these are no options of a connection. It does not quote them, as a URL may hold a password. */
export function checkConnection(name: keyof typeof EXAMPLES, connection: unknown): void {
  const example = EXAMPLES[name];
  if (typeof connection !== 'object' || connection === null || Array.isArray(connection)) {
    throw new SessionConfigurationError(`${name} is no object: write ${example}, or { client }.`);
  }
  if (missingMethods(connection, ['get', 'set']).length === 0) {
    throw new SessionConfigurationError(`${name} is a client: write { client }, or ${example}.`);
  }
  if ('client' in connection && connection.client === undefined) {
    throw new SessionConfigurationError(`${name}.client is undefined: give the client, or leave the key out.`);
  }
}

interface Shape {
  readonly names: readonly string[];
  readonly remedy: string;
}

function checked<T>(option: string, value: T, { names, remedy }: Shape): T {
  const missing = missingMethods(value, names);
  if (missing.length === 0) return value;
  throw new SessionConfigurationError(`${option} has no ${missing.join(', ')}: ${remedy}.`);
}
