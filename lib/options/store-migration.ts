import { resolve } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

import type { SessionMigration } from '../migration/session-migration.js';
import { SessionConfigurationError } from '../session.errors.js';
import { STORE_VERBS, type SessionStore } from '../stores/session-store.js';
import { checkStoreChoice } from './option-checks.js';
import { withDefaults, type OptionsWithDefaults } from './option-defaults.js';
import { checkConnection, CONNECTIONS, checkStore } from './option-shapes.js';
import type { OtherStoreOptions, StoreConnections, StoreName } from './session-options.js';

/** The other store, while sessions move between two. */
export interface StoreMigration {
  readonly store: StoreName | SessionStore;
  /** Where it is, if it is one that the module makes. */
  readonly connections: Pick<OptionsWithDefaults, keyof StoreConnections>;
  /** What its keys begin with, if they do not begin as those of the module do. */
  readonly keyPrefix: string | undefined;
  /** Whether sessions move from the other store; otherwise this process only follows them there. */
  readonly moves: boolean;
}

interface Migrations {
  /** From another library. */
  readonly migration: SessionMigration | undefined;
  /** From or to another store. */
  readonly storeMigration: StoreMigration | undefined;
}

type OptionName = 'migrateFrom' | 'migrateTo';

const NAMES: readonly string[] = ['store', 'keyPrefix', ...CONNECTIONS];

/** Options of the library that say how a store works, and not where its records are. */
const NOT_A_PLACE: readonly string[] = ['unlogged', 'migrate', 'sweepInterval', 'fsync'];

/** What the messages say of a value that is none. */
const REMEDY =
  "write the store, { store: 'redis', redis: { url } }, or expressSession({ secret }), imported from 'nest-session'";

/**
 * Tells the migration of another library's sessions from one between stores.
 * @throws {SessionConfigurationError} when an option is neither, or both stores are one.
 */
export function resolveMigrations(given: OptionsWithDefaults): Migrations {
  const { migrateFrom, migrateTo } = given;
  const migration = isMigration(migrateFrom) ? migrateFrom : undefined;
  const from = migration === undefined ? otherStore('migrateFrom', migrateFrom) : undefined;
  const to = otherStore('migrateTo', migrateTo);
  if (from !== undefined && to !== undefined) {
    throw new SessionConfigurationError(
      'migrateFrom and migrateTo are both given: write migrateTo in a first step, and migrateFrom in the next.',
    );
  }
  const [name, other] = from === undefined ? (['migrateTo', to] as const) : (['migrateFrom', from] as const);
  if (from !== undefined) refuseNothing(from);
  if (other !== undefined) checkTwo(name, other, given);
  return {
    migration,
    storeMigration: other && {
      store: other.store,
      connections: withDefaults(other),
      keyPrefix: other.keyPrefix,
      moves: other === from,
    },
  };
}

function isMigration(value: unknown): value is SessionMigration {
  return typeof (value as Partial<SessionMigration> | null | undefined)?.newIdOf === 'function';
}

function otherStore(name: OptionName, value: unknown): OtherStoreOptions | undefined {
  if (value === undefined) return undefined;
  if (isStore(value)) return { store: value };
  const options = Object(value) as OtherStoreOptions;
  const unknown = Object.keys(options).find((key) => !NAMES.includes(key));
  if (typeof value !== 'object' || unknown !== undefined || options.store === undefined) {
    const fault = unknown === undefined || typeof value !== 'object' ? '' : ` has no option '${unknown}':`;
    throw new SessionConfigurationError(`${name}${fault || ' is no migration:'} ${REMEDY}.`);
  }
  checkOther(name, options);
  return options;
}

function checkOther(name: OptionName, options: OtherStoreOptions): void {
  const { store, keyPrefix } = options;
  if (typeof store === 'object' && store !== null) checkStore(store);
  else checkStoreChoice(store, `${name}.store`);
  if (typeof store === 'function') {
    throw new SessionConfigurationError(`${name}.store is a class: give the store itself, or its name.`);
  }
  if (keyPrefix !== undefined && typeof keyPrefix !== 'string') {
    throw new SessionConfigurationError(`${name}.keyPrefix is no text: write what the keys of that store begin with.`);
  }
  for (const connection of CONNECTIONS)
    if (options[connection] !== undefined) checkConnection(connection, options[connection]);
}

/** Refuses a store that is empty at each start: no session would move, and each deploy would sign everybody out. */
function refuseNothing({ store, memory }: OtherStoreOptions): void {
  if (store !== 'memory' || memory?.snapshot !== undefined) return;
  throw new SessionConfigurationError(
    "migrateFrom.store is 'memory' without a snapshot, so that it is empty: the sessions ended with the process that had them. Deploy the application as it was with memory: { snapshot }, and then migrateFrom: { store: 'memory', memory: { snapshot } } with the same path.",
  );
}

/** Refuses one store under two names: what moves out of it would be removed from it. */
function checkTwo(name: OptionName, other: OtherStoreOptions, given: OptionsWithDefaults): void {
  const { store, keyPrefix } = given;
  if (keyPrefix === '') {
    throw new SessionConfigurationError(
      `keyPrefix is '', so that ${name} would take the values of the application for sessions: give the sessions a keyPrefix, and ${name} the one of before, as in { store, keyPrefix: '' }.`,
    );
  }
  refuseOneSnapshot(name, other, given);
  if (other.store !== store || (other.keyPrefix ?? keyPrefix) !== keyPrefix) return;
  const connections = withDefaults(other);
  const isSame =
    typeof store !== 'string' ||
    CONNECTIONS.every(
      (connection) => connection !== store || isDeepStrictEqual(placeOf(connections[store]), placeOf(given[store])),
    );
  if (store === 'memory' || !isSame) return;
  throw new SessionConfigurationError(
    `${name} is the store of the module itself: name the other one, or a keyPrefix that differs.`,
  );
}

function refuseOneSnapshot(name: OptionName, other: OtherStoreOptions, given: OptionsWithDefaults): void {
  const [path, ours] = [other.memory?.snapshot, given.memory.snapshot];
  if (path === undefined || other.store !== 'memory' || given.store !== 'memory' || ours === undefined) return;
  if (resolve(String(path)) !== resolve(String(ours))) return;
  throw new SessionConfigurationError(
    `${name} and store have the same snapshot: give each memory store a path of its own.`,
  );
}

/** What says where the records are, so that two places can be compared. */
function placeOf(connection: object): object {
  const said = Object.entries(connection).filter(([name, value]) => value !== undefined && !NOT_A_PLACE.includes(name));
  return Object.fromEntries(said.map(([name, value]) => [name, name === 'directory' ? resolve(String(value)) : value]));
}

function isStore(value: unknown): value is SessionStore {
  const methods = Object(value) as Readonly<Record<string, unknown>>;
  return STORE_VERBS.every((verb) => typeof methods[verb] === 'function');
}
