import { setTimeout as wait } from 'node:timers/promises';

import { SessionConflictError } from '../session.errors.js';

/**
 * How often a save is tried against writers in other processes; those of one process queue up. One of them wins every round, so
 * with ten processes that never stop writing to one session, one save in 40,000 would still give up.
 */
const ATTEMPTS = 100;
const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 16;

/**
 * Runs an attempt until it is `'done'`; in between it waits a random time that grows, so that writers who collided once do
 * not collide again.
 * @throws {SessionConflictError} when every attempt met a conflict.
 */
export async function retryOnConflict<R>(attempt: () => Promise<{ readonly done: R } | 'conflict'>): Promise<R> {
  for (let round = 0; round < ATTEMPTS; round++) {
    const outcome = await attempt();
    if (outcome !== 'conflict') return outcome.done;
    // The first collision needs no pause: the other writer is done.
    if (round > 0) await wait(Math.random() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** round));
  }
  throw new SessionConflictError(
    `The session was changed by other requests ${ATTEMPTS} times while this one tried to save it: send fewer parallel writes, or ask the client to retry.`,
  );
}
