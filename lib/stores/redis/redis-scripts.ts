import { hash } from 'node:crypto';

import type { ReplaceOutcome, StoredSession } from '../session-store.js';
import type { RedisCommands } from './redis-commands.js';

// The value that was read travels as its hash only.
const COMPARE_AND_SET = `
local stored = redis.call('GET', KEYS[1])
if not stored then return 'missing' end
if redis.sha1hex(stored) ~= ARGV[3] then return 'conflict' end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 'replaced'`;
const COMPARE_AND_SET_SHA1 = hash('sha1', COMPARE_AND_SET);

// In one step, or the hash could be that of a later value.
const READ_WITH_HASH = `
local stored = redis.call('GET', KEYS[1])
return stored and { stored, redis.sha1hex(stored) }`;

/** The version of a record whose text does not tell its bytes. */
class HashedVersion {
  constructor(readonly sha1: string) {}
}

/** Arguments of {@link compareAndSet}: the new value, its lifetime in seconds, and the hash of the version that was read. */
export type CompareAndSetArguments = readonly [value: string, seconds: string, hash: string];

/** Stores the value if the record still has the version. */
export function compareAndSet(
  commands: RedisCommands,
  key: string,
  args: CompareAndSetArguments,
): Promise<ReplaceOutcome> {
  const outcome = commands.evalsha(COMPARE_AND_SET_SHA1, key, args).catch((error: unknown) => {
    // A restart or SCRIPT FLUSH has emptied the script cache; EVAL fills it again.
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return commands.eval(COMPARE_AND_SET, key, args);
  });
  return outcome as Promise<ReplaceOutcome>;
}

/** The record with the hash of its bytes for a version. */
export async function readWithHash(commands: RedisCommands, key: string): Promise<StoredSession | undefined> {
  const found = (await commands.eval(READ_WITH_HASH, key, [])) as [value: string, hash: string] | null;
  return found === null ? undefined : { value: found[0], version: new HashedVersion(found[1]) };
}

/** The hash of the bytes that a version stands for. */
export function hashOf(version: unknown): string {
  return version instanceof HashedVersion ? version.sha1 : hash('sha1', version as string);
}
