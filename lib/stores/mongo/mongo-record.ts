import { randomUUID } from 'node:crypto';

import { SessionTooLargeError } from '../../session.errors.js';
import { checkedTtl } from '../session-store.js';

/**
 * Most bytes of a value, with twice its key. A document has up to 16 MiB:
 * https://www.mongodb.com/docs/manual/reference/limits/#mongodb-limit-BSON-Document-Size
 */
export const MONGO_MAX_BYTES = 16_000_000;

/** What expires later than any date that a record can have. */
const FOR_EVER = new Date(8.64e15);
/** Milliseconds; a later date is none that JavaScript has. */
const LONGEST = 1e15;

/**
 * Whether a document is a record that has not expired, by the server's clock (`$$NOW`). MongoDB deletes expired documents once a minute,
 * later under load: https://www.mongodb.com/docs/manual/core/index-ttl/#timing-of-the-delete-operation
 */
const IS_ALIVE = {
  $and: [{ $eq: [{ $type: '$value' }, 'string'] }, { $gt: [{ $ifNull: ['$expiresAt', FOR_EVER] }, '$$NOW'] }],
};

/** A new document in an aggregation expression. */
export type NewRecord = Readonly<Record<string, unknown>>;

/** Finds the record of a key, unless it has expired. */
export function aliveAt(key: string): object {
  return { _id: key, $expr: IS_ALIVE };
}

/**
 * The document that keeps a value, with a version that no other has.
 * @throws {SessionTooLargeError} when the value may not fit.
 */
export function newRecord(key: string, value: string, ttl?: number): NewRecord {
  const milliseconds = ttl === undefined ? undefined : Math.min(checkedTtl(ttl) * 1000, LONGEST);
  if (2 * Buffer.byteLength(key) + Buffer.byteLength(value) > MONGO_MAX_BYTES) {
    throw new SessionTooLargeError(
      `MongoDB holds values of up to ${MONGO_MAX_BYTES} bytes: keep less in the session, or use another store.`,
    );
  }
  return {
    // Literally: an expression reads a text that begins with $ as the name of a field.
    _id: { $literal: key },
    value: { $literal: value },
    version: { $literal: randomUUID() },
    ...(milliseconds !== undefined && { expiresAt: { $add: ['$$NOW', milliseconds] } }),
  };
}

/** The update that stores the record whatever is there. */
export function always(record: NewRecord): object[] {
  return [{ $replaceWith: record }];
}

/** The update that stores the record unless one is alive. Not in the filter: MongoDB refuses `$expr` in the filter of an upsert. */
export function unlessAlive(record: NewRecord): object[] {
  return [{ $replaceWith: { $cond: [IS_ALIVE, '$$ROOT', record] } }];
}

/** The update that stores the record over the version that was read. Another version stays as it is, and counts as not modified. */
export function ifVersion(version: unknown, record: NewRecord): object[] {
  const isSame = { $eq: [{ $ifNull: ['$version', null] }, { $literal: version ?? null }] };
  return [{ $replaceWith: { $cond: [isSame, record, '$$ROOT'] } }];
}
