import { posix, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url)).replaceAll(sep, '/');

/** Every name that can be imported, by entry point. A name that is taken away breaks somebody's import. */
const surface = {
  'index.d.ts': [
    'AnySession',
    'BusName',
    'ClosableStore',
    'CommittedMeasurement',
    'CookieOptions',
    'CookieSigner',
    'DeviceClient',
    'DeviceOf',
    'Duration',
    'EndAllOptions',
    'ExpressSessionOptions',
    'ExpressSessionSigner',
    'FreshSignIn',
    'FreshSignInGuard',
    'FreshSignInOptions',
    'FreshSignInRequired',
    'HmacSigner',
    'HmacSignerOptions',
    'ItsdangerousSigner',
    'ItsdangerousSignerOptions',
    'ListOptions',
    'LiveSession',
    'Markup',
    'MemcachedStoreOptions',
    'MemoryStore',
    'MemoryStoreOptions',
    'NullStore',
    'OpenedMeasurement',
    'OtherStoreOptions',
    'OutageMeasurement',
    'Pinning',
    'PinningOptions',
    'Public',
    'RedisStoreOptions',
    'RegenerateOptions',
    'ReplaceOutcome',
    'SESSION_STORE',
    'Secret',
    'Session',
    'SessionAddressError',
    'SessionBus',
    'SessionBusListener',
    'SessionCallback',
    'SessionConfigurationError',
    'SessionConflictError',
    'SessionData',
    'SessionDestroyedError',
    'SessionEndReason',
    'SessionEndedError',
    'SessionEnding',
    'SessionError',
    'SessionEvent',
    'SessionEvents',
    'SessionGuard',
    'SessionHealth',
    'SessionHealthResult',
    'SessionInterceptor',
    'SessionKeyDecorator',
    'SessionLimitError',
    'SessionMembers',
    'SessionMigration',
    'SessionModule',
    'SessionModuleExtras',
    'SessionModuleOptions',
    'SessionSerializationError',
    'SessionSerializer',
    'SessionService',
    'SessionSource',
    'SessionStore',
    'SessionStoreClass',
    'SessionStoreError',
    'SessionStoreHealth',
    'SessionTooLargeError',
    'SessionsPerUser',
    'SignatureDigest',
    'SignedInGuard',
    'SignedInOptions',
    'StoreCommandMeasurement',
    'StoreConnections',
    'StoreName',
    'StoredSession',
    'TaggedJsonOptions',
    'TaggedJsonSerializer',
    'TextVersionedStore',
    'TrustProxy',
    'Tuple',
    'UnsignedCookie',
    'UserId',
    'UserOf',
    'UserOptions',
    'UserSession',
    'UserSessions',
    'Uuid',
    'V8Serializer',
    'expressSession',
    'getSessionHealthToken',
    'getSessionServiceToken',
    'getSessionStoreToken',
    'getUserSessionsToken',
    'untilEnded',
  ],
  'buses/redis/redis.bus.d.ts': [
    'IoredisBusClient',
    'NodeRedisBusClient',
    'NodeRedisSubscriber',
    'RedisBus',
    'RedisBusClient',
    'RedisBusOptions',
    'RedisSubscriber',
  ],
  'stores/redis/redis.store.d.ts': [
    'IoredisClient',
    'NodeRedisClient',
    'REDIS_DEFAULTS',
    'RedisClient',
    'RedisConnectOptions',
    'RedisStore',
  ],
  'stores/memcached/memcached.store.d.ts': [
    'MEMCACHED_DEFAULTS',
    'MemcachedClient',
    'MemcachedConnectOptions',
    'MemcachedStore',
  ],
  'stores/postgres/postgres.store.d.ts': [
    'POSTGRES_DEFAULTS',
    'PostgresClient',
    'PostgresParameter',
    'PostgresSchemaOptions',
    'PostgresStore',
    'PostgresStoreOptions',
    'PostgresTableOptions',
  ],
  'stores/file/file.store.d.ts': ['FILE_SWEEP_INTERVAL', 'FileStore', 'FileStoreOptions'],
  'nest/fastify-passport.d.ts': ['openForFastifyPassport'],
  'opentelemetry/observe-sessions.d.ts': ['ObserveSessionsOptions', 'observeSessions'],
  'testing/index.d.ts': [
    'FakeSessionOptions',
    'NestContext',
    'SessionStoreSetup',
    'SignInOptions',
    'SignedInCookie',
    'SignedInState',
    'TestRunner',
    'describeSessionStore',
    'fakeSession',
    'signIn',
    'signInState',
  ],
} as const;

/** The declaration files that `npm run build` writes, by their path below `dist/`. */
function emitDeclarations(): Map<string, string> {
  const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} };
  const config = ts.getParsedCommandLineOfConfigFile(`${root}tsconfig.build.json`, undefined, host);
  if (!config) throw new Error('tsconfig.build.json cannot be read');
  const written = new Map<string, string>();
  const dist = `${config.options.outDir ?? ''}/`;
  const keep = (path: string, text: string): unknown => written.set(posix.relative(dist, path), text);
  ts.createProgram(config.fileNames, config.options).emit(undefined, keep, undefined, true);
  return written;
}

/** A program of the declaration files alone; what they import from other packages is left open. */
function programOf(declarations: ReadonlyMap<string, string>): ts.Program {
  const options = { noLib: true, types: [], module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2023 };
  const host = ts.createCompilerHost(options);
  const at = (path: string): string | undefined => declarations.get(posix.relative('/dist', path));
  host.getCurrentDirectory = () => '/dist';
  host.fileExists = (path) => at(path) !== undefined;
  delete host.directoryExists;
  host.readFile = at;
  host.getSourceFile = (path, language) => {
    const text = at(path);
    return text === undefined ? undefined : ts.createSourceFile(path, text, language, true);
  };
  return ts.createProgram(
    Object.keys(surface).map((entry) => `/dist/${entry}`),
    options,
    host,
  );
}

describe.each(Object.entries(surface))('%s', (entry, names) => {
  let exported: ReadonlyMap<string, ts.Symbol>;

  beforeAll(() => {
    exported = exportsOf(entry);
  });

  it('exports these names and no others', () => {
    expect([...exported.keys()].toSorted()).toEqual([...names]);
  });

  it('says of every name what it is, where it is declared', () => {
    const undocumented = [...exported].filter(([, symbol]) => !isDocumented(symbol)).map(([name]) => name);
    expect(undocumented).toEqual([]);
  });
});

/** What a user fills in, calls or implements member by member. */
const spelledOut = [
  'CookieOptions',
  'CookieSigner',
  'PinningOptions',
  'RegenerateOptions',
  'SessionBus',
  'SessionBusListener',
  'SessionEnding',
  'SessionMembers',
  'SessionModuleExtras',
  'SessionModuleOptions',
  'SessionSerializer',
  'SessionService',
  'SessionStore',
];

describe.each(spelledOut)('%s', (type) => {
  it('says of every member what it means', () => {
    const members = [...(exportsOf('index.d.ts').get(type)?.members?.values() ?? [])].filter(isPublicMember);
    expect(members).not.toEqual([]);
    // One comment is enough for all overloads.
    const undocumented = members
      .filter(({ declarations = [] }) => !declarations.some(hasComment))
      .map(({ name }) => name);
    expect(undocumented).toEqual([]);
  });
});

let program: ts.Program | undefined;

/** The names that an entry point exports, and what they stand for. */
function exportsOf(entry: string): ReadonlyMap<string, ts.Symbol> {
  program ??= programOf(emitDeclarations());
  const checker = program.getTypeChecker();
  const file = program.getSourceFile(`/dist/${entry}`);
  const module = file && checker.getSymbolAtLocation(file);
  if (!module) throw new Error(`${entry} is not a module`);
  return new Map(
    checker.getExportsOfModule(module).map((symbol) => {
      const isAlias = (symbol.flags & ts.SymbolFlags.Alias) !== 0;
      return [symbol.name, isAlias ? checker.getAliasedSymbol(symbol) : symbol];
    }),
  );
}

function isPublicMember({ flags, name }: ts.Symbol): boolean {
  return (flags & (ts.SymbolFlags.Constructor | ts.SymbolFlags.TypeParameter)) === 0 && !name.includes('#');
}

/** A name may stand for a type and a value at once; each has a comment of its own. */
function isDocumented({ declarations = [] }: ts.Symbol): boolean {
  return declarations.length > 0 && declarations.every(hasComment);
}

function hasComment(node: ts.Node): boolean {
  return ts.getJSDocCommentsAndTags(node).length > 0;
}
