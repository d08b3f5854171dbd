import { BUS_METHODS, type SessionBus } from '../buses/session-bus.js';
import type { CookieSigner } from '../cookies/cookie-signer.js';
import type { SessionSerializer } from '../serializers/session-serializer.js';
import { SessionConfigurationError } from '../session.errors.js';
import type { MemcachedClient } from '../stores/memcached/memcached.store.js';
import { checkBesideClient } from '../stores/own-options.js';
import { STORE_VERBS, type SessionStore } from '../stores/session-store.js';

interface Shape {
  /** What the message begins with. */
  readonly subject: string;
  readonly methods: readonly string[];
  readonly remedy: string;
}

const SIGNER: Shape = {
  subject: 'signer',
  methods: ['sign', 'unsign'] satisfies (keyof CookieSigner)[],
  remedy: 'give a CookieSigner, such as new HmacSigner(secret), or write secret instead',
};

const SERIALIZER: Shape = {
  subject: 'serializer',
  methods: ['stringify', 'parse'] satisfies (keyof SessionSerializer)[],
  remedy: 'give a SessionSerializer, such as new TaggedJsonSerializer(), or leave it out',
};

const MEMCACHED_CLIENT: Shape = {
  subject: 'memcached.client',
  methods: ['gets', 'set', 'add', 'cas', 'del'] satisfies (keyof MemcachedClient)[],
  remedy: 'give a client of the package "memcached", or write { servers } instead',
};

const STORE: Shape = {
  subject: 'The given store',
  methods: STORE_VERBS,
  remedy: 'implement SessionStore whole',
};

const BUS: Shape = {
  subject: 'The given bus',
  methods: BUS_METHODS,
  remedy: "implement SessionBus whole, or write bus: 'redis'",
};

/** The options that say where a back-end is, each with an example. */
const CONNECTION_EXAMPLES = {
  memory: "{ snapshot: '/var/lib/app/sessions' }",
  redis: "{ url: 'redis://host:6379' }",
  memcached: "{ servers: 'host:11211' }",
  postgres: "{ url: 'postgres://host/database' }",
  mongo: "{ url: 'mongodb://host/database' }",
  file: "{ directory: '/var/lib/app/sessions' }",
  datastore: "{ projectId: 'my-project' }",
};

type ConnectionName = keyof typeof CONNECTION_EXAMPLES;

/** Those of stores that have no client. */
const WITHOUT_CLIENT: readonly ConnectionName[] = ['memory', 'file'];

/** Those in which nothing counts beside a client. */
const CLIENT_ALONE: readonly ConnectionName[] = ['redis', 'memcached'];

/** The names of those options. */
export const CONNECTIONS = Object.keys(CONNECTION_EXAMPLES) as readonly ConnectionName[];

/** @throws {SessionConfigurationError} when methods are missing; the message names them. */
export function checkedSigner(signer: CookieSigner): CookieSigner {
  return checked(SIGNER, signer);
}

/** @throws {SessionConfigurationError} when methods are missing; the message names them. */
export function checkedSerializer(serializer: SessionSerializer): SessionSerializer {
  return checked(SERIALIZER, serializer);
}

/** @throws {SessionConfigurationError} when methods are missing; the message names them. */
export function checkedMemcachedClient(client: MemcachedClient): MemcachedClient {
  return checked(MEMCACHED_CLIENT, client);
}

/**
 * Refuses an incomplete store at start-up, before the first request fails on it.
 * @throws {SessionConfigurationError} when methods are missing; the message names them.
 */
export function checkStore(store: SessionStore): SessionStore {
  return checked(STORE, store);
}

/** @throws {SessionConfigurationError} when methods are missing; the message names them. */
export function checkBus(bus: SessionBus): void {
  checked(BUS, bus);
}

/** @throws {SessionConfigurationError} when these are no options of a connection. It does not quote them: a URL may hold a password. */
export function checkConnection(name: ConnectionName, connection: unknown): void {
  const example = CONNECTION_EXAMPLES[name];
  if (typeof connection !== 'object' || connection === null || Array.isArray(connection)) {
    const orClient = WITHOUT_CLIENT.includes(name) ? '' : ', or { client }';
    throw new SessionConfigurationError(`${name} is no object: write ${example}${orClient}.`);
  }
  if (missingMethods(connection, ['get', 'set']).length === 0) {
    throw new SessionConfigurationError(`${name} is a client: write { client }, or ${example}.`);
  }
  if ('client' in connection && connection.client === undefined) {
    throw new SessionConfigurationError(`${name}.client is undefined: give the client, or leave the key out.`);
  }
  if ('client' in connection && CLIENT_ALONE.includes(name)) {
    const { client: _client, ...others } = connection;
    checkBesideClient(name, others, []);
  }
}

function checked<T>({ subject, methods, remedy }: Shape, value: T): T {
  const missing = missingMethods(value, methods);
  if (missing.length === 0) return value;
  throw new SessionConfigurationError(`${subject} has no ${missing.join(', ')}: ${remedy}.`);
}

/** The names of the methods that the value does not have: all of them if it is no object. */
function missingMethods(value: unknown, names: readonly string[]): string[] {
  const methods = Object(value) as Readonly<Record<string, unknown>>;
  return names.filter((name) => typeof methods[name] !== 'function');
}
