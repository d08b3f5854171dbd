import type { OpenRequest } from '../engine/open-request.js';
import type { FoundSession } from '../engine/presented-sessions.js';
import { SessionEngine } from '../engine/session-engine.js';
import { resolveOptions, type ResolvedOptions } from '../options/resolve-options.js';
import type { UserOf, UserOptions } from '../options/user-options.js';
import type { SessionSerializer } from '../serializers/session-serializer.js';
import { refuseReservedName } from '../session/live-session.js';
import { isEmptyData, type Data } from '../session/session-data.js';
import type { SignIn } from '../session/session-record.js';
import type { DefaultData, LiveSession } from '../session/session-members.js';
import { SessionSerializationError } from '../session.errors.js';
import { FakeStore } from './fake-store.js';
import { refuseProduction } from './refuse-production.js';
import { unsentRequest } from './unsent-request.js';

/** What {@link fakeSession} takes beside the data. */
export interface FakeSessionOptions {
  /** The option `serializer` of the application, which decides what a session can hold. @default a TaggedJsonSerializer */
  readonly serializer?: SessionSerializer;
  /** The option `user` of the application, which tells `SignedInGuard` and `@FreshSignIn()` whose session it is. @default undefined */
  readonly user?: UserOf | UserOptions;
  /**
   * When the user has last signed in, for `@FreshSignIn()`. @default now, if the option `user` finds a user in the data, and otherwise
   * never
   */
  readonly signedInAt?: Date;
  /** The methods of that sign-in, as `session.signedIn({ amr })` takes them. @default undefined */
  readonly amr?: readonly string[];
}

/** There is no request: no cookie, and no response that could not carry one. */
function noRequest(): OpenRequest {
  return {
    incoming: unsentRequest({ url: new URL('http://localhost'), address: ADDRESS }),
    cookies: [],
    migrationCookies: [],
    address: () => ADDRESS,
    route: () => 'fakeSession',
  };
}

const ADDRESS = '127.0.0.1';

/** Seconds; nothing waits for it. */
const TTL = 14 * 24 * 60 * 60;

/**
 * A session for the unit test of a controller, a service or a guard, without Nest, HTTP and a store:
 *
 * ```ts
 * const session = fakeSession<Cart>({ items: [] });
 * controller.add(session, { title: 'Orlando' });
 * expect(session).toEqual({ items: [{ title: 'Orlando' }] });
 * ```
 *
 * It is a real session of the library over a store of its own in memory, so that its members do what they do in a request: `save`
 * refuses what cannot be stored, `regenerate` gives a new id, `reload` brings back what was saved. With data it is a stored
 * session, and without any a new one.
 * @param data what the store holds of the session. The session has copies of it, as read from a store.
 * @param options see {@link FakeSessionOptions}.
 * @throws {SessionSerializationError} when a value cannot be stored.
 * @throws {SessionTooLargeError} when the data are more than a record can hold.
 * @throws {TypeError} when a key is a reserved name, such as that of a member.
 * @throws {SessionConfigurationError} when `NODE_ENV` is `production`.
 */
export function fakeSession<T extends object = DefaultData>(
  data: Partial<NoInfer<T>> = {},
  options: FakeSessionOptions = {},
): LiveSession<T> {
  refuseProduction('fakeSession');
  const store = new FakeStore();
  const { serializer, user } = options;
  const resolved = resolveOptions({ ...(serializer && { serializer }), ...(user && { user }) });
  const engine = new SessionEngine({ options: resolved, store, logger: LOGGER });
  const signIn = signInFor(resolved, data, options);
  const found = isEmptyData(data) ? undefined : stored({ engine, store, signIn }, data);
  return engine.openFound(noRequest(), found).live as LiveSession<T>;
}

/** The sign-in that the record tells of. */
function signInFor(
  { users }: ResolvedOptions,
  data: Data,
  { signedInAt, amr }: FakeSessionOptions,
): SignIn | undefined {
  const isOfUser = users?.of(data) !== undefined;
  if (signedInAt === undefined && amr === undefined && !isOfUser) return undefined;
  return { at: (signedInAt?.getTime() ?? Date.now()) / 1000, ...(amr && { amr }) };
}

interface FakeRecords {
  readonly engine: SessionEngine;
  readonly store: FakeStore;
  readonly signIn: SignIn | undefined;
}

/** Puts a record into the store and gives what a read would find. `create` of a store in memory is done when it returns. */
function stored({ engine: { options, records }, store, signIn }: FakeRecords, data: Data): FoundSession {
  for (const key of Object.keys(data)) refuseReservedName(key, options.recordNames);
  const now = Date.now() / 1000;
  const text = records.encode({ data, meta: { created: now, seen: now, ...(signIn && { signIn }) } });
  const id = options.generateId();
  void store.create(records.keyOf(id), text, TTL);
  const record = records.recordOf(id, text);
  if (record === undefined) {
    throw new SessionSerializationError('fakeSession() cannot read what its serializer has written of the data.');
  }
  return { id, record, needsNewCookie: false };
}

const LOGGER = { warn, warnOnce: warn, error: warn, log: warn };

function warn(message: string): void {
  process.emitWarning(message, 'fakeSession');
}
