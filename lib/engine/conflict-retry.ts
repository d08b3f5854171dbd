import { SessionConflictError } from '../session.errors.js';

/**
 * How many times a save is tried against writers in other processes; the saves of one process queue up. In every round one writer
 * wins: with ten processes that never stop writing to one session, one save in 40,000 would still give up.
 */
const ATTEMPTS = 100;
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 16;

/**
 * Waits before the next attempt of a compare-and-set. The wait is random and grows, so that writers that collided once do not
 * collide again.
 * @param conflicts how many attempts have failed.
 * @throws {SessionConflictError} when every attempt has met a conflict.
 */
export async function pauseAfterConflict(conflicts: number): Promise<void> {
  if (conflicts >= ATTEMPTS) {
    throw new SessionConflictError(
      `The session was changed by other requests ${ATTEMPTS} times while this one tried to save it: send fewer parallel writes, or ask the client to retry.`,
    );
  }
  // The first collision needs no pause: the other writer is done.
  if (conflicts > 1) await wait(Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (conflicts - 1)));
}

function wait(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
