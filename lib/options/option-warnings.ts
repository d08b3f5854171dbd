import type { Secret } from '../cookies/keyed-signer.js';
import type { SessionModuleOptions } from './session-options.js';

/** Fewer characters or bytes can be guessed from one cookie, without asking the server, if a person made the secret up. */
const SAFE_LENGTH = 32;

/** In seconds. Browsers keep no cookie for longer (RFC 6265bis section 5.5). Half a day in milliseconds, taken for seconds, is more. */
const LONGEST_COOKIE = 400 * 24 * 60 * 60;

/** How the options of a store say where its back-end is. */
interface Address {
  /** How a warning names the back-end. */
  readonly of: string;
  /** The option that most applications use, from an environment variable. */
  readonly main: string;
  /** The other options that say it. */
  readonly others: readonly string[];
  /** Where the driver looks if none is given. */
  readonly fallback: string;
}

const ADDRESSES = {
  redis: {
    of: 'where Redis is',
    main: 'url',
    others: ['host', 'port', 'path', 'sentinels', 'client'],
    fallback: 'localhost:6379',
  },
  memcached: { of: 'where Memcached is', main: 'servers', others: ['client'], fallback: 'localhost:11211' },
  postgres: {
    of: 'where PostgreSQL is',
    main: 'url',
    others: ['host', 'port', 'database', 'connectionString', 'client'],
    fallback: "the environment's PGHOST",
  },
  mongo: { of: 'where MongoDB is', main: 'url', others: ['client'], fallback: '127.0.0.1:27017' },
  datastore: {
    of: 'which project it is',
    main: 'projectId',
    others: ['client'],
    fallback: 'the project of the credentials',
  },
  file: { of: 'where the files are', main: 'directory', others: [], fallback: '' },
} as const satisfies Partial<Record<keyof SessionModuleOptions, Address>>;

type StoreWithAddress = keyof typeof ADDRESSES;

const STORES_WITH_ADDRESS = Object.keys(ADDRESSES) as StoreWithAddress[];

/** Warnings for start-up about options that are allowed but most likely a mistake. They never quote an option: it may be secret. */
export function optionWarnings(options: SessionModuleOptions): string[] {
  return [
    ...secretWarnings(options),
    ...addressWarnings(options),
    ...otherStoreWarnings(options),
    ...snapshotWarnings(options),
    ...storeWarnings(options),
    ...busWarnings(options),
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
  if (options.acceptUnsigned === true) {
    warnings.push(
      '`acceptUnsigned` is on: cookies without a signature open their sessions, and are signed when they are used. Leave it out once the longest lifetime of a session has gone by (`idleTimeout`, or what `remember` sets) since every process signs.',
    );
  }
  return warnings;
}

function addressWarnings(options: SessionModuleOptions): string[] {
  return STORES_WITH_ADDRESS.filter((name) => isUsed(options, name)).flatMap((name) => {
    const { of, main, fallback } = ADDRESSES[name];
    const given = options[name] as object | undefined | null;
    // Most likely an environment variable that is not set. A directory has no default, so that its store refuses it.
    if (given === undefined || given === null || !(main in given) || saysWhere(given, name) || fallback === '')
      return [];
    return [
      `\`${name}.${main}\` is there but undefined, so it does not say ${of}: set it, or leave it out for ${fallback}.`,
    ];
  });
}

function isUsed({ store, bus }: SessionModuleOptions, name: StoreWithAddress): boolean {
  return store === name || (name === 'redis' && bus === 'redis');
}

/** The same of the other store, while sessions move between two: an empty one would sign everybody out. */
function otherStoreWarnings({ migrateFrom, migrateTo }: SessionModuleOptions): string[] {
  return Object.entries({ migrateFrom, migrateTo }).flatMap(([name, other]) =>
    other !== undefined && 'store' in other && typeof other.store === 'string'
      ? addressWarnings(other as SessionModuleOptions).map((warning) => `In \`${name}\`: ${warning}`)
      : [],
  );
}

function snapshotWarnings({ store = 'memory', memory }: SessionModuleOptions): string[] {
  const isMissing = store === 'memory' && memory && 'snapshot' in memory && memory.snapshot === undefined;
  return isMissing
    ? ['`memory.snapshot` is there but undefined, so a restart signs everybody out: set it, or leave it out.']
    : [];
}

function storeWarnings(options: SessionModuleOptions): string[] {
  if (options.store !== undefined) return [];
  return STORES_WITH_ADDRESS.flatMap((name) => {
    const given = options[name] as object | undefined | null;
    const isForBus = name === 'redis' && options.bus !== undefined; // the bus has a warning of its own
    if (given === undefined || given === null || isForBus || !saysWhere(given, name)) return [];
    return [`\`${name}\` is given without \`store\`, so sessions are kept in memory: write store: '${name}'.`];
  });
}

function busWarnings({ store = 'memory', bus }: SessionModuleOptions): string[] {
  if (store !== 'memory' || bus !== 'redis') return [];
  return [
    "`bus` is 'redis', but sessions are kept in the memory of one process, so that no other has anything to tell: write store: 'redis', or leave the bus out.",
  ];
}

function lifetimeWarnings(options: SessionModuleOptions): string[] {
  return (['idleTimeout', 'absoluteTimeout'] as const)
    .filter((name) => Number(options[name]) > LONGEST_COOKIE)
    .map(
      (name) =>
        `\`${name}\` is longer than 400 days, for which browsers keep a cookie at most: a number is of seconds, not of milliseconds.`,
    );
}

/** Whether one of the options says where the back-end is. */
function saysWhere(given: object, name: StoreWithAddress): boolean {
  const { main, others } = ADDRESSES[name];
  return [main, ...others].some((option) => hasValue(given, option));
}

function hasValue(options: object, key: string): boolean {
  return (options as Readonly<Record<string, unknown>>)[key] !== undefined;
}

function secretsOf(secret: SessionModuleOptions['secret']): readonly Secret[] {
  if (secret === undefined) return [];
  return typeof secret === 'string' || secret instanceof Uint8Array ? [secret] : secret;
}
