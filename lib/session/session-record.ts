import type { RecordNames } from './record-names.js';
import { defineData } from './session-data.js';

/** The library's own part of a record. In the store it lies beside the data, under its {@link RecordNames}. */
export interface SessionMeta {
  /**
   * When the session was created, in epoch seconds. The absolute timeout counts from here, no matter what happens to the session.
   */
  readonly created?: number;
  /** When the session was last renewed, in epoch seconds. The idle timeout counts from here. */
  readonly seen?: number;
  /** The client's address, if sessions are pinned. */
  readonly addr?: string;
  /** Whether the cookie outlives the browser, as Quart-Session writes it. What another program wrote here stays as it is. */
  readonly permanent?: unknown;
  /** What `remember` has set in place of the idle timeout: seconds, or `false` for as long as the browser is open. */
  readonly lifetime?: number | false;
  /** The last sign-in of the user. */
  readonly signIn?: SignIn;
  /** In whose list of sessions this one stands. */
  readonly listing?: Listing;
}

/** When a user has proved who they are, and how. */
export interface SignIn {
  /** Epoch seconds. */
  readonly at: number;
  /** The methods, as in an OpenID Connect ID token: `['pwd', 'otp']` (RFC 8176). */
  readonly amr?: readonly string[];
}

/** The place of a session in a user's list. */
export interface Listing {
  /** A hash of the user's id. */
  readonly user: string;
  /** Until when the list keeps its entry, unless that is written again, in epoch seconds. */
  readonly until: number;
}

/** What a store keeps of a session, before it is encoded. */
export interface SessionRecord {
  readonly data: Readonly<Record<string, unknown>>;
  readonly meta: SessionMeta;
  /** The text that the record was read from. Unchanged values keep their text in it, as other programs write the records too. */
  readonly text?: string | undefined;
}

/** A record as it was read, with what a later replace needs. */
export interface ReadRecord extends SessionRecord {
  readonly version: unknown;
}

/** How a record is destroyed or retired: `'tombstone'` leaves one in its place, `'delete'` lets the id open a new session at once. */
export type Removal = 'tombstone' | 'delete';

/** The longest lifetime of a session, in seconds. Memcached takes no point in time beyond the year 2038. */
export const LONGEST_LIFETIME = 10 * 365 * 24 * 60 * 60;

/** The parts of the meta, in the order in which they are written. */
const META_PARTS = ['permanent', 'lifetime', 'addr', 'created', 'seen', 'signIn', 'listing'] as const;

/**
 * Splits what a serializer read into data and meta.
 * @returns the record; `undefined` when the payload is not a record.
 */
export function recordFromWire(payload: unknown, names: RecordNames): SessionRecord | undefined {
  if (typeof payload !== 'object' || payload === null || !isPlain(payload)) return undefined;
  const fields = payload as Record<string, unknown>;
  // The rest of a pattern is the fastest copy, and keeps a key such as `__proto__` a key. A name twice excludes it once.
  const { created: createdName, seen: seenName = createdName, addr: addrName, permanent: permanentName } = names;
  const { lifetime: lifetimeName, signIn: signInName, listing: listingName } = names;
  const {
    [createdName]: created,
    [seenName]: seen,
    [addrName]: addr,
    [permanentName]: permanent,
    [lifetimeName]: lifetime,
    [signInName]: signIn,
    [listingName]: listing,
    ...data
  } = fields;
  const meta = {
    created: asTime(created),
    seen: names.seen === undefined ? undefined : asTime(seen),
    addr: asText(addr),
    permanent,
    lifetime: asLifetime(lifetime),
    signIn: asSignIn(signIn),
    listing: asListing(listing),
  };
  return { data, meta };
}

/** The flat object that the serializer writes. The reserved keys come first, so that a person who looks at a record sees them. */
export function recordToWire({ data, meta }: SessionRecord, names: RecordNames): Record<string, unknown> {
  const payload: Record<string, unknown> = {};
  for (const part of META_PARTS) {
    const name = names[part];
    if (name !== undefined && meta[part] !== undefined) payload[name] = meta[part];
  }
  // No key of the data can set a value of the library's own.
  for (const key of Object.keys(data)) if (!names.has(key)) defineData(payload, key, data[key]);
  return payload;
}

function isPlain(payload: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(payload);
  return prototype === Object.prototype || prototype === null;
}

function asTime(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined;
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function asLifetime(value: unknown): number | false | undefined {
  return value === false || (typeof value === 'number' && value > 0 && value <= LONGEST_LIFETIME) ? value : undefined;
}

function asSignIn(value: unknown): SignIn | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { at, amr } = value as Partial<Record<keyof SignIn, unknown>>;
  const time = asTime(at);
  if (time === undefined) return undefined;
  const methods = Array.isArray(amr) ? amr.filter((method) => typeof method === 'string') : undefined;
  return methods === undefined ? { at: time } : { at: time, amr: methods };
}

function asListing(value: unknown): Listing | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { user, until } = value as Partial<Record<keyof Listing, unknown>>;
  const time = asTime(until);
  return typeof user === 'string' && time !== undefined ? { user, until: time } : undefined;
}
