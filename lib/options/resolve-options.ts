import type { IncomingMessage } from 'node:http';

import type { CookieOptions, ResolvedCookie } from '../cookies/cookie-options.js';
import { validateCookie } from '../cookies/cookie-rules.js';
import type { CookieSigner } from '../cookies/cookie-signer.js';
import { SignerOfUnsigned } from '../cookies/signer-of-unsigned.js';
import { HmacSigner } from '../cookies/hmac.signer.js';
import { ItsdangerousSigner } from '../cookies/itsdangerous.signer.js';
import type { SessionMigration } from '../migration/session-migration.js';
import { AddressPin } from '../pinning/address-pin.js';
import type { Pinning, PinningOptions } from '../pinning/pinning-options.js';
import { compileTrust, type TrustFunction } from '../proxy/proxy-trust.js';
import type { SessionSerializer } from '../serializers/session-serializer.js';
import { RecordRewriter } from '../serializers/tagged-json/record-rewriter.js';
import { TaggedJsonSerializer } from '../serializers/tagged-json/tagged-json.serializer.js';
import { RecordNames } from '../session/record-names.js';
import type { SessionLifetimeOptions } from '../session/session-lifetime.js';
import { DEFAULT_NAME } from '../session.constants.js';
import { SessionConfigurationError } from '../session.errors.js';
import {
  checkChoices,
  checkCookieNames,
  checkedGenerator,
  checkedRecordBytes,
  checkedSeconds,
  checkModuleName,
  checkNames,
  checkPinningNames,
  checkPrefixBits,
  oneOf,
} from './option-checks.js';
import { withCookieDefaults, withDefaults, withPinningDefaults, type OptionsWithDefaults } from './option-defaults.js';
import { checkedSerializer, checkedSigner } from './option-shapes.js';
import { checkedPropertyName } from './request-properties.js';
import { resolveUsers, type ResolvedUsers } from './resolve-users.js';
import type { SessionModuleOptions } from './session-options.js';
import { resolveMigrations, type StoreMigration } from './store-migration.js';

/** The options with every default filled in, and in the form that the engine works with. */
export interface ResolvedOptions extends SessionLifetimeOptions {
  /** The `name` of the module. */
  readonly name: string;
  readonly store: NonNullable<SessionModuleOptions['store']>;
  readonly memory: NonNullable<SessionModuleOptions['memory']>;
  readonly redis: NonNullable<SessionModuleOptions['redis']>;
  readonly memcached: NonNullable<SessionModuleOptions['memcached']>;
  readonly postgres: NonNullable<SessionModuleOptions['postgres']>;
  readonly mongo: NonNullable<SessionModuleOptions['mongo']>;
  readonly file: NonNullable<SessionModuleOptions['file']>;
  readonly datastore: NonNullable<SessionModuleOptions['datastore']>;
  readonly bus?: SessionModuleOptions['bus'];
  readonly keyPrefix: string;
  /** The property of the request under which the session shows. */
  readonly exposeAs: string | false;
  readonly hashIds: boolean;
  readonly tombstones: boolean;
  readonly maxRecordBytes: number;
  /** Seconds. */
  readonly recheck: number;
  readonly expireDeadCookies: boolean;
  readonly closeOnEnd: boolean;
  /** Whether records say `_permanent`, as Quart and Flask write them. */
  readonly writesPermanent: boolean;
  readonly signer: CookieSigner | undefined;
  readonly serializer: SessionSerializer;
  /** Present when other programs write the records too. */
  readonly rewriter: RecordRewriter | undefined;
  readonly recordNames: RecordNames;
  readonly migration: SessionMigration | undefined;
  /** The other store, while sessions move between two. */
  readonly storeMigration: StoreMigration | undefined;
  readonly generateId: () => string;
  /** Absent: sessions are nobody's. */
  readonly users: ResolvedUsers | undefined;
  readonly pin: AddressPin | undefined;
  readonly onMismatch: 'destroy' | 'reject';
  readonly trust: TrustFunction | undefined;
  readonly staticFiles: boolean;
  readonly onLateSaveError: 'destroy' | 'send';
  /** Whether `SessionService.current()` finds the request that the code runs in. */
  readonly context: boolean;
  /** The cookie's attributes, if they do not depend on the request. */
  readonly cookie: ResolvedCookie | undefined;
  /** The cookie's attributes for a request. */
  readonly cookieFor: (request: IncomingMessage) => ResolvedCookie;
}

type RecordForm = Pick<ResolvedOptions, 'serializer' | 'rewriter' | 'recordNames' | 'writesPermanent'>;

/**
 * Checks the user's options and fills in the defaults, once, at start-up.
 * @param options the options of the module.
 * @param name the `name` of the module. It is a part of the keys and of the signatures, so that the cookie of one kind of session
 * opens none of another kind.
 * @throws {SessionConfigurationError} when an option is wrong; the message says what to write instead.
 */
export function resolveOptions(options: SessionModuleOptions, name: string = DEFAULT_NAME): ResolvedOptions {
  checkModuleName(name);
  checkNames(options);
  const given = withDefaults(options);
  checkChoices(given);
  const { wire, secret, signer, acceptUnsigned, serializer, pinning, trustProxy, cookie, ...rest } = given;
  const { user, device, sessionsPerUser, migrateFrom: _from, migrateTo: _to, ...unchanged } = rest;
  const { maxRecordBytes, idleTimeout, absoluteTimeout, recheck, generateId } = given;
  return Object.freeze({
    ...unchanged,
    name,
    keyPrefix: keyPrefixOf(given, name),
    exposeAs: given.exposeAs === undefined ? name === DEFAULT_NAME && 'session' : checkedPropertyName(given.exposeAs),
    maxRecordBytes: checkedRecordBytes(maxRecordBytes),
    idleTimeout: checkedSeconds('idleTimeout', idleTimeout),
    recheck: checkedSeconds('recheck', recheck),
    absoluteTimeout: absoluteTimeout === undefined ? undefined : checkedSeconds('absoluteTimeout', absoluteTimeout),
    generateId: checkedGenerator(generateId),
    signer: signerOf({ secret, signer, wire, acceptUnsigned }, name),
    ...recordFormOf({ serializer, wire }),
    ...migrationsOf(given, name),
    users: resolveUsers({ user, device, sessionsPerUser }),
    ...pinOf(pinning),
    trust: trustProxy === undefined ? undefined : compileTrust(trustProxy),
    ...cookieOf(cookie, name),
  });
}

function migrationsOf(given: OptionsWithDefaults, name: string): Pick<ResolvedOptions, 'migration' | 'storeMigration'> {
  const { migration, storeMigration } = resolveMigrations(given);
  const keyPrefix = storeMigration?.keyPrefix;
  if (storeMigration === undefined || keyPrefix === undefined) return { migration, storeMigration };
  return { migration, storeMigration: { ...storeMigration, keyPrefix: keyPrefixOf({ ...given, keyPrefix }, name) } };
}

/** The prefix with the name of the module. Programs that share sessions write the prefix alone. */
function keyPrefixOf({ keyPrefix, wire }: OptionsWithDefaults, name: string): string {
  return name === DEFAULT_NAME || wire === 'quart' ? keyPrefix : `${keyPrefix}${name}:`;
}

function signerOf(
  { acceptUnsigned, ...options }: Pick<OptionsWithDefaults, 'secret' | 'signer' | 'wire' | 'acceptUnsigned'>,
  name: string,
): CookieSigner | undefined {
  const signer = strictSignerOf(options, name);
  if (!acceptUnsigned) return signer;
  if (signer !== undefined) return new SignerOfUnsigned(signer);
  throw new SessionConfigurationError(
    'acceptUnsigned is for an application that begins to sign: write secret, or leave acceptUnsigned out.',
  );
}

function strictSignerOf(
  options: Pick<OptionsWithDefaults, 'secret' | 'signer' | 'wire'>,
  name: string,
): CookieSigner | undefined {
  const { secret, signer, wire } = options;
  if (secret !== undefined && signer !== undefined) {
    throw new SessionConfigurationError('secret and signer are both given: write one of them.');
  }
  if (signer !== undefined) return checkedSigner(signer);
  if (secret === undefined) return undefined;
  if (wire === 'quart') return new ItsdangerousSigner(secret);
  return new HmacSigner(secret, name === DEFAULT_NAME ? {} : { salt: `nest-session:${name}` });
}

function recordFormOf(options: Pick<OptionsWithDefaults, 'serializer' | 'wire'>): RecordForm {
  const { wire, serializer = new TaggedJsonSerializer({ dialect: wire }) } = options;
  checkedSerializer(serializer);
  if (wire === 'native') {
    return { serializer, rewriter: undefined, recordNames: RecordNames.native, writesPermanent: false };
  }
  // The user's own serializer may write any text, even one that extends ours.
  const isOurs = Object.getPrototypeOf(serializer) === TaggedJsonSerializer.prototype;
  const rewriter = isOurs ? new RecordRewriter(serializer) : undefined;
  return { serializer, rewriter, recordNames: RecordNames.quart, writesPermanent: true };
}

function pinOf(pinning: Pinning): Pick<ResolvedOptions, 'pin' | 'onMismatch'> {
  const given = longPinning(pinning);
  checkPinningNames(given);
  const { match, ipv4Prefix, ipv6Prefix, onMismatch } = withPinningDefaults(given);
  if (pinning === false) return { pin: undefined, onMismatch };
  oneOf(given === pinning ? 'pinning.match' : 'pinning', match, ['exact', 'prefix']);
  oneOf('pinning.onMismatch', onMismatch, ['destroy', 'reject']);
  checkPrefixBits('ipv4Prefix', ipv4Prefix, 32);
  checkPrefixBits('ipv6Prefix', ipv6Prefix, 128);
  const prefix = { ipv4: ipv4Prefix, ipv6: ipv6Prefix };
  return { pin: new AddressPin({ match: match === 'exact' ? 'exact' : prefix }), onMismatch };
}

function longPinning(pinning: Pinning): PinningOptions {
  if (typeof pinning === 'boolean') return {};
  return typeof pinning === 'object' && pinning !== null ? pinning : { match: pinning };
}

function cookieOf(cookie: OptionsWithDefaults['cookie'], name: string): Pick<ResolvedOptions, 'cookie' | 'cookieFor'> {
  if (typeof cookie === 'function') {
    return { cookie: undefined, cookieFor: (request) => resolveCookie(cookie(request), name) };
  }
  const resolved = resolveCookie(cookie, name);
  return { cookie: resolved, cookieFor: () => resolved };
}

function resolveCookie(options: CookieOptions, name: string): ResolvedCookie {
  const cookie = Object.freeze(withCookieDefaults(options, name));
  checkCookieNames(cookie);
  validateCookie(cookie);
  return cookie;
}
