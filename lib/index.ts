export { SessionModule } from './session.module.js';
export type { SessionModuleExtras } from './session.module-definition.js';
export { SESSION_STORE } from './session.constants.js';
export { Session } from './nest/session.decorator.js';
export type { SessionKeyDecorator } from './nest/session-key.decorator.js';
export { SessionGuard } from './nest/session.guard.js';
export { SignedInGuard } from './nest/signed-in.guard.js';
export { Public } from './nest/public.decorator.js';
export { FreshSignIn, type FreshSignInOptions } from './nest/fresh-sign-in.decorator.js';
export { FreshSignInGuard } from './nest/fresh-sign-in.guard.js';
export type { FreshSignInRequired } from './nest/fresh-sign-in.js';
export { untilEnded } from './nest/until-ended.js';
export { SessionInterceptor } from './nest/session.interceptor.js';
export { SessionEvents } from './nest/session-events.js';
export type { SessionEvent } from './engine/session-event.js';
export type {
  CommittedMeasurement,
  OpenedMeasurement,
  OutageMeasurement,
  StoreCommandMeasurement,
} from './engine/measurements.js';
export { SessionService } from './nest/session.service.js';
export type { SessionSource } from './nest/session-place.js';
export { SessionHealth, type SessionHealthResult, type SessionStoreHealth } from './nest/session-health.js';
export {
  getSessionHealthToken,
  getSessionServiceToken,
  getSessionStoreToken,
  getUserSessionsToken,
} from './nest/session-tokens.js';
export type {
  BusName,
  MemcachedStoreOptions,
  OtherStoreOptions,
  RedisStoreOptions,
  SessionModuleOptions,
  SessionStoreClass,
  StoreConnections,
  StoreName,
} from './options/session-options.js';
export {
  UserSessions,
  type AnySession,
  type EndAllOptions,
  type ListOptions,
  type UserSession,
} from './engine/user-sessions.js';
export type { DeviceClient, DeviceOf, SessionsPerUser, UserId, UserOf, UserOptions } from './options/user-options.js';
export type {
  LiveSession,
  RegenerateOptions,
  SessionCallback,
  SessionData,
  SessionMembers,
  SignedInOptions,
} from './session/session-members.js';
export type {
  ClosableStore,
  ReplaceOutcome,
  SessionStore,
  StoredSession,
  TextVersionedStore,
} from './stores/session-store.js';
export type { SessionBus, SessionBusListener, SessionEnding } from './buses/session-bus.js';
export { MemoryStore, type MemoryStoreOptions } from './stores/memory.store.js';
export { NullStore } from './stores/null.store.js';
export type { SessionSerializer } from './serializers/session-serializer.js';
export { TaggedJsonSerializer, type TaggedJsonOptions } from './serializers/tagged-json/tagged-json.serializer.js';
export { V8Serializer } from './serializers/v8.serializer.js';
export { Tuple } from './serializers/values/tuple.js';
export { Markup } from './serializers/values/markup.js';
export { Uuid } from './serializers/values/uuid.js';
export type { CookieOptions } from './cookies/cookie-options.js';
export type { Secret } from './cookies/keyed-signer.js';
export type { SignatureDigest } from './cookies/salted-signer.js';
export type { CookieSigner, UnsignedCookie } from './cookies/cookie-signer.js';
export { HmacSigner, type HmacSignerOptions } from './cookies/hmac.signer.js';
export { expressSession, type ExpressSessionOptions } from './migration/express-session.js';
export type { SessionMigration } from './migration/session-migration.js';
export { ExpressSessionSigner } from './cookies/express-session.signer.js';
export { ItsdangerousSigner, type ItsdangerousSignerOptions } from './cookies/itsdangerous.signer.js';
export type { Pinning, PinningOptions } from './pinning/pinning-options.js';
export type { TrustProxy } from './proxy/proxy-trust.js';
export type { Duration } from './duration.js';
export {
  SessionAddressError,
  SessionConfigurationError,
  SessionConflictError,
  SessionDestroyedError,
  SessionEndedError,
  SessionError,
  SessionLimitError,
  SessionSerializationError,
  SessionStoreError,
  SessionTooLargeError,
  type SessionEndReason,
} from './session.errors.js';
