import { SessionConfigurationError } from '../session.errors.js';
import { shown } from '../shown.js';
import type { SessionModuleOptions } from './session-options.js';
import type { DeviceOf, SessionsPerUser, UserId, UserOptions } from './user-options.js';

/** How many sessions a user's list holds at most. The next sign-in ends the oldest one. */
export const MOST_SESSIONS = 1000;

/** The options of the sessions of a user, with every default filled in. */
export interface ResolvedUsers {
  /**
   * The id of the user as a text; `undefined` for a session that is nobody's.
   * @throws {SessionConfigurationError} when the function of the application returns anything else.
   */
  readonly of: (data: Readonly<Record<string, unknown>>) => string | undefined;
  readonly verifiesReads: boolean;
  readonly hasGeneration: boolean;
  readonly device: DeviceOf | undefined;
  readonly max: number;
  readonly beyond: 'end-oldest' | 'refuse';
}

const USER_OPTION_NAMES = ['of', 'verify', 'generation'] satisfies (keyof UserOptions)[];

const LIMIT_NAMES = ['max', 'beyond'] satisfies (keyof SessionsPerUser)[];

/** The id of a user as a text, so that 7 and '7' are one user; `undefined` when it is none. */
export function textOfUser(id: UserId): string | undefined {
  // The application may be JavaScript, and give anything.
  if (typeof id === 'string') return id === '' ? undefined : id;
  return typeof id === 'bigint' || Number.isFinite(id) ? `${id}` : undefined;
}

/**
 * Checks the options `user`, `device` and `sessionsPerUser`.
 * @returns `undefined` when no user has sessions.
 * @throws {SessionConfigurationError} when one is wrong.
 */
export function resolveUsers({
  user,
  device,
  sessionsPerUser,
}: Pick<SessionModuleOptions, 'user' | 'device' | 'sessionsPerUser'>): ResolvedUsers | undefined {
  if (user === undefined) {
    for (const [name, value] of Object.entries({ device, sessionsPerUser })) {
      if (value !== undefined) throw misfit(`${name} needs the option user`, 'write user: (data) => data.user?.id');
    }
    return undefined;
  }
  if (device !== undefined && typeof device !== 'function') {
    throw misfit(`device is ${shown(device)}`, "write a function such as (request) => request.headers['user-agent']");
  }
  return { ...userOf(typeof user === 'function' ? { of: user } : user), device, ...limitOf(sessionsPerUser) };
}

function userOf(user: UserOptions): Pick<ResolvedUsers, 'of' | 'verifiesReads' | 'hasGeneration'> {
  if (typeof user !== 'object' || user === null || typeof user.of !== 'function') {
    throw misfit('user is no function', 'write user: (data) => data.user?.id');
  }
  checkMembers('user', user, USER_OPTION_NAMES);
  const { of, verify, generation = false } = user;
  if (verify !== undefined && verify !== 'read') {
    throw misfit(`user.verify is ${shown(verify)}`, "write 'read', or leave it out");
  }
  if (typeof generation !== 'boolean')
    throw misfit(`user.generation is ${shown(generation)}`, 'write true, or leave it out');
  if (generation && verify === undefined) throw misfit('user.generation needs', "user.verify: 'read' beside it");
  return {
    of: (data) => checkedId(of(data)),
    verifiesReads: verify === 'read',
    hasGeneration: generation,
  };
}

function checkedId(id: UserId): string | undefined {
  const text = textOfUser(id);
  if (text !== undefined || id === undefined || id === null) return text;
  throw misfit(
    `The function of the option user returned neither an id nor undefined, but ${kindOf(id)}`,
    'return a text that is not empty, a number, or undefined for nobody',
  );
}

/** What a value is, without its content, which may be data. */
function kindOf(value: unknown): string {
  if (value === '') return 'an empty text';
  if (typeof value !== 'object' || value === null) return `a ${typeof value}`;
  // Not the member of the value itself, which may be data too.
  const prototype = Object.getPrototypeOf(value) as Partial<object> | null;
  return `an object of the class ${prototype?.constructor?.name ?? 'null'}`;
}

function limitOf(limit: SessionsPerUser | undefined): Pick<ResolvedUsers, 'max' | 'beyond'> {
  if (limit === undefined) return { max: MOST_SESSIONS, beyond: 'end-oldest' };
  if (typeof limit !== 'object' || limit === null) {
    throw misfit(`sessionsPerUser is ${shown(limit)}`, "write an object such as { max: 5, beyond: 'end-oldest' }");
  }
  checkMembers('sessionsPerUser', limit, LIMIT_NAMES);
  const { max, beyond = 'end-oldest' } = limit;
  if (!Number.isInteger(max) || max < 1 || max > MOST_SESSIONS) {
    throw misfit(`sessionsPerUser.max is ${shown(max)}`, `write a whole number from 1 to ${MOST_SESSIONS}`);
  }
  if (beyond !== 'end-oldest' && beyond !== 'refuse') {
    throw misfit(`sessionsPerUser.beyond is ${shown(beyond)}`, "write 'end-oldest' or 'refuse'");
  }
  return { max, beyond };
}

function checkMembers(option: string, value: object, names: readonly string[]): void {
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined) throw misfit(`There is no option ${option}.${unknown}`, `write ${names.join(', ')}`);
}

function misfit(fault: string, remedy: string): SessionConfigurationError {
  return new SessionConfigurationError(`${fault}: ${remedy}.`);
}
