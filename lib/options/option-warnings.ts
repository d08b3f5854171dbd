import type { Secret } from '../cookies/keyed-signer.js';
import type { SessionModuleOptions } from './session-options.js';

/** Fewer characters or bytes can be guessed from one cookie, without asking the server, if a person made the secret up. */
const SAFE_LENGTH = 32;

/** In seconds. Two weeks in milliseconds, as express-session counts, are more. */
const TEN_YEARS = 10 * 365 * 24 * 60 * 60;

/** The options by which ioredis finds Redis. */
const ADDRESS_OPTIONS = ['url', 'host', 'port', 'path', 'sentinels'];

/** What is meant by a name that is none of ioredis' options. Two letters that changed places are found by the sorted letters. */
const MISSPELT: Readonly<Record<string, string>> = {
  lru: 'url',
  uri: 'url',
  urls: 'url',
  address: 'url',
  connectionstring: 'url',
  host: 'host',
  host_: 'host',
  host1: 'host',
};

/** Warnings for start-up about options that are allowed but most likely a mistake. They never quote an option: it may be secret. */
export function optionWarnings(options: SessionModuleOptions): string[] {
  return [
    ...secretWarnings(options),
    ...addressWarnings(options),
    ...misspeltWarnings(options),
    ...storeWarnings(options),
    ...lifetimeWarnings(options),
  ];
}

function secretWarnings(options: SessionModuleOptions): string[] {
  const { secret, signer } = options;
  const warnings: string[] = [];
  if ('secret' in options && secret === undefined && signer === undefined) {
    // Most likely an environment variable that is not set. No error, because an id without a signature is safe.
    warnings.push('`secret` is there but undefined, so cookies are not signed: set it, or leave the option out.');
  }
  if (secretsOf(secret).some(({ length }) => length < SAFE_LENGTH)) {
    warnings.push(
      `\`secret\` is shorter than ${SAFE_LENGTH} characters and may be guessed: draw one, for example with 'openssl rand -hex 32', and put it first in a list, before the one that it replaces.`,
    );
  }
  return warnings;
}

function addressWarnings({ store, bus, redis, memcached }: SessionModuleOptions): string[] {
  if ((store === 'redis' || bus === 'redis') && redis && 'url' in redis && !hasAddress(redis)) {
    return [
      '`redis.url` is there but undefined, so it does not say where Redis is: set it, or leave it out for localhost:6379.',
    ];
  }
  if (store === 'memcached' && memcached && 'servers' in memcached && !hasValue(memcached, 'servers')) {
    return [
      '`memcached.servers` is there but undefined, so it does not say where Memcached is: set it, or leave it out for localhost:11211.',
    ];
  }
  return [];
}

/** ioredis ignores options that it does not know, so that a misspelt address leads to localhost. */
function misspeltWarnings({ store, bus, redis }: SessionModuleOptions): string[] {
  if (redis === undefined || redis === null || (store !== 'redis' && bus !== 'redis')) return [];
  return Object.keys(redis).flatMap((key) => {
    const meant = MISSPELT[key.toLowerCase()] ?? MISSPELT[[...key.toLowerCase()].toSorted().join('')];
    if (meant === undefined || key === meant) return [];
    return [`\`redis.${key}\` is no option of ioredis and does nothing: write redis.${meant}.`];
  });
}

function storeWarnings({ store, redis, memcached }: SessionModuleOptions): string[] {
  if (store !== undefined) return [];
  const isRedisMeant = redis !== undefined && hasAddress(redis);
  const isMemcachedMeant = memcached !== undefined && hasValue(memcached, 'servers');
  const meant = isRedisMeant ? 'redis' : isMemcachedMeant && 'memcached';
  if (meant === false) return [];
  return [`\`${meant}\` is given without \`store\`, so sessions are kept in memory: write store: '${meant}'.`];
}

function lifetimeWarnings(options: SessionModuleOptions): string[] {
  return (['idleTimeout', 'absoluteTimeout'] as const)
    .filter((name) => Number(options[name]) > TEN_YEARS)
    .map((name) => `\`${name}\` is longer than ten years: a number is of seconds, not of milliseconds.`);
}

function hasAddress(redis: object): boolean {
  return ADDRESS_OPTIONS.some((option) => hasValue(redis, option));
}

function hasValue(options: object, key: string): boolean {
  return (options as Readonly<Record<string, unknown>>)[key] !== undefined;
}

function secretsOf(secret: SessionModuleOptions['secret']): readonly Secret[] {
  if (secret === undefined) return [];
  return typeof secret === 'string' || secret instanceof Uint8Array ? [secret] : secret;
}
