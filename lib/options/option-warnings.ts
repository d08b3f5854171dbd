import type { Secret } from '../cookies/keyed-signer.js';
import type { SessionModuleOptions } from './session-options.js';

/** Below this a secret that a person thought up can be found by trying, from one cookie and without asking the server. */
const SAFE_LENGTH = 32;

/** Where ioredis looks for Redis. */
const PLACES = ['url', 'host', 'port', 'path', 'sentinels'];

/** What is allowed and yet most likely a slip, as sentences to be logged at start-up. They never quote an option: it may be secret. */
export function optionWarnings(options: SessionModuleOptions): string[] {
  const { store, secret, signer, redis, memcached } = options;
  const warnings: string[] = [];
  if ('secret' in options && secret === undefined && signer === undefined) {
    // Most likely an environment variable that is not set; an id without a signature is safe, so it is no error.
    warnings.push('`secret` is there but undefined, so cookies are not signed: set it, or leave the option out.');
  }
  if (secretsOf(secret).some(({ length }) => length < SAFE_LENGTH)) {
    warnings.push(
      `\`secret\` is shorter than ${SAFE_LENGTH} characters and may be guessed: draw one, for example with 'openssl rand -hex 32', and put it first in a list, before the one that it replaces.`,
    );
  }
  if (store === 'redis' && redis && 'url' in redis && PLACES.every((place) => !hasValue(redis, place))) {
    warnings.push(
      '`redis.url` is there but undefined, so it does not say where Redis is: set it, or leave it out for localhost:6379.',
    );
  }
  if (store === 'memcached' && memcached && 'servers' in memcached && !hasValue(memcached, 'servers')) {
    warnings.push(
      '`memcached.servers` is there but undefined, so it does not say where Memcached is: set it, or leave it out for localhost:11211.',
    );
  }
  return warnings;
}

function hasValue(options: object, key: string): boolean {
  return (options as Readonly<Record<string, unknown>>)[key] !== undefined;
}

function secretsOf(secret: SessionModuleOptions['secret']): readonly Secret[] {
  if (secret === undefined) return [];
  return typeof secret === 'string' || secret instanceof Uint8Array ? [secret] : secret;
}
