import { randomBytes } from 'node:crypto';

import { TOMBSTONE_MARK } from '../session/tombstone.js';
import type { StoredSession } from './session-store.js';

/** What stands in the place of a record while it moves, and for a while afterwards. */
export interface Mark extends StoredSession {
  readonly value: `${typeof TOMBSTONE_MARK}${string}`;
}

/** A record in a mark: in that of a move. */
export interface MarkedRecord {
  readonly text: string;
  readonly ttl: number;
  /** That of the mark. */
  readonly version: unknown;
}

// Each mark begins as a tombstone does. A process that knows nothing of the migration then leaves the cookie alone, too.
const MOVING = `${TOMBSTONE_MARK}moving `;
const ARRIVING = `${TOMBSTONE_MARK}arriving `;
const MOVED = `${TOMBSTONE_MARK}moved `;
const DELETED = `${TOMBSTONE_MARK}deleted `;

/** In the store that a record leaves: it is about to be created in the other one. */
export function movingText(text: string, ttl: number): string {
  return `${MOVING}${ttl} ${text}`;
}

/** In the store that a record moves to: the other one may still have it. */
export function arrivingText(text: string, ttl: number): string {
  return `${ARRIVING}${ttl} ${text}`;
}

/** In the store that a record has left. No two marks are alike, so that a compare-and-set of one never meets another. */
export function newMoved(): string {
  return MOVED + randomBytes(9).toString('base64url');
}

/** In the store that records move to: a record has ended. */
export function newDeleted(): string {
  return DELETED + randomBytes(9).toString('base64url');
}

/** The record that moves or arrives. */
export function markedRecord({ value, version }: Mark): MarkedRecord {
  const start = value.startsWith(MOVING) ? MOVING.length : ARRIVING.length;
  const end = value.indexOf(' ', start);
  return { text: value.slice(end + 1), ttl: Number(value.slice(start, end)), version };
}

export function isMoving(stored: StoredSession | undefined): stored is Mark {
  return has(stored, MOVING);
}

export function isArriving(stored: StoredSession | undefined): stored is Mark {
  return has(stored, ARRIVING);
}

export function isMoved(stored: StoredSession | undefined): stored is Mark {
  return has(stored, MOVED);
}

export function isDeleted(stored: StoredSession | undefined): stored is Mark {
  return has(stored, DELETED);
}

/** Whether a mark says that the record is not here. */
export function isGone(stored: StoredSession | undefined): stored is Mark {
  return isMoved(stored) || isDeleted(stored);
}

/** Whether it is a record or the tombstone of one, and no mark of a migration. */
export function isRecord(stored: StoredSession | undefined): stored is StoredSession {
  return stored !== undefined && !isMoving(stored) && !isArriving(stored) && !isGone(stored);
}

function has(stored: StoredSession | undefined, mark: string): stored is Mark {
  return stored?.value.startsWith(mark) ?? false;
}
