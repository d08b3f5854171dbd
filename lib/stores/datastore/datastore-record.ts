import { randomBytes } from 'node:crypto';

import { SessionConfigurationError, SessionTooLargeError } from '../../session.errors.js';
import { checkedTtl } from '../session-store.js';
import type { Entity, EntityKey, EntityResult, LookupAnswer, PropertyValue, Timestamp } from './datastore-client.js';
import { nameTrouble } from './datastore-options.js';

/**
 * Most bytes of a value in UTF-8. An entity has up to 1,048,572 bytes with its key and the names of its properties:
 * https://cloud.google.com/datastore/docs/concepts/limits
 */
export const DATASTORE_VALUE_MAX_BYTES = 1_000_000;

/** The version of a record that was read: the version of its entity, and until when it lives. */
export class ReadVersion {
  constructor(
    readonly entityVersion: string,
    /**
     * By the clock of this process that is never set, in milliseconds: `Infinity` for a record that stays. Never later than by the
     * clock of Datastore: what a read has found missing would come back.
     */
    readonly expiresAt: number,
  ) {}

  get hasExpired(): boolean {
    return performance.now() >= this.expiresAt;
  }
}

/** A version that no record has: not one of this store's reads. */
export const NEVER_READ = new ReadVersion('', -Infinity);

/** A living record. */
export interface FoundRecord {
  readonly value: string;
  readonly version: ReadVersion;
}

/** What a lookup has found. */
export interface FoundEntity {
  readonly version: string;
  /** `undefined` when the record has expired. */
  readonly record: FoundRecord | undefined;
}

/**
 * The name of the entity for a key, if Datastore takes it for no other.
 * @throws {SessionConfigurationError} when it would refuse it; the message does not quote the key.
 */
export function checkedName(key: string): string {
  const trouble = nameTrouble(key);
  if (trouble === undefined) return key;
  throw new SessionConfigurationError(`The name of a Datastore key ${trouble}: change keyPrefix or the key.`);
}

/**
 * The properties of a record. None is in an index.
 *
 * Its lifetime begins when Datastore writes it, by the clock of Datastore. `expiresAt` is by the clock of this process: it is for
 * Datastore's TTL policy, and for an emulator that tells no times.
 * @throws {SessionTooLargeError} when the value may not fit, before the store sends anything.
 */
export function propertiesOf(value: string, ttl: number | undefined): Entity['properties'] {
  if (Buffer.byteLength(value) > DATASTORE_VALUE_MAX_BYTES) {
    throw new SessionTooLargeError(
      `Datastore holds values of up to ${DATASTORE_VALUE_MAX_BYTES} bytes: keep less in the session, or use another store.`,
    );
  }
  const properties = {
    // Text in a string may not hold each character; half of a surrogate pair becomes U+FFFD.
    value: unindexed({ blobValue: Buffer.from(value) }),
    // A write that changes nothing leaves the entity its version and its time.
    write: unindexed({ blobValue: randomBytes(12) }),
  };
  if (ttl === undefined) return properties;
  const expiresAt = Date.now() + checkedTtl(ttl) * 1000;
  return {
    ...properties,
    ttl: unindexed({ integerValue: ttl }),
    expiresAt: unindexed({ timestampValue: timestampOf(expiresAt) }),
  };
}

/** The entity of a key with these properties. */
export function entityOf(key: EntityKey, properties: Entity['properties']): Entity {
  return { key, properties };
}

/** A clock may tell whole milliseconds alone. */
const TICK_MS = 1;

/**
 * What a lookup of one key has found: `undefined` when there is no entity.
 * @param sentAt when it was sent, by the clock that is never set.
 */
export function foundIn({ found, readTime }: LookupAnswer, sentAt: number): FoundEntity | undefined {
  const result = found?.[0];
  if (!result) return undefined;
  const version = String(result.version);
  const remaining = remainingOf(result, readTime);
  if (remaining <= 0) return { version, record: undefined };
  const value = textOf(result.entity.properties?.['value']);
  return { version, record: { value, version: new ReadVersion(version, sentAt + remaining - TICK_MS) } };
}

/** Milliseconds that the record still lived when the server looked. */
function remainingOf({ entity, updateTime }: EntityResult, readTime: Timestamp | null | undefined): number {
  const { ttl, expiresAt } = entity.properties ?? {};
  if (ttl?.integerValue !== undefined && updateTime && readTime) {
    return millisecondsOf(updateTime) + Number(ttl.integerValue) * 1000 - millisecondsOf(readTime);
  }
  return expiresAt?.timestampValue ? millisecondsOf(expiresAt.timestampValue) - Date.now() : Infinity;
}

/** The text of a record. Another program may have written a string; what is neither reads as an empty text. */
function textOf(value: PropertyValue | undefined): string {
  if (typeof value?.stringValue === 'string') return value.stringValue;
  return value?.blobValue ? Buffer.from(value.blobValue).toString('utf8') : '';
}

function unindexed(value: PropertyValue): PropertyValue {
  return { ...value, excludeFromIndexes: true };
}

/** Datastore's last timestamp is the end of the year 9999. */
const LAST_SECOND = 253_402_300_799;

function timestampOf(milliseconds: number): Timestamp {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds > LAST_SECOND) return { seconds: LAST_SECOND, nanos: 0 };
  return { seconds, nanos: (milliseconds - seconds * 1000) * 1_000_000 };
}

function millisecondsOf({ seconds, nanos }: Timestamp): number {
  return Number(seconds ?? 0) * 1000 + (nanos ?? 0) / 1_000_000;
}
