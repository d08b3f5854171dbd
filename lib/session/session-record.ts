import type { RecordNames } from './record-names.js';

/** The library's own part of a record; on the wire it lies beside the data, under its {@link RecordNames}. */
export interface SessionMeta {
  /** When the session was born, in epoch seconds. The absolute timeout counts from here, whatever happens to the session. */
  readonly created?: number;
  /** When the session was last renewed, in epoch seconds. The idle timeout counts from here. */
  readonly seen?: number;
  /** The client's address, when sessions are pinned. */
  readonly addr?: string;
  /** What another program said about the cookie's lifetime; kept as it is. */
  readonly permanent?: unknown;
}

/** What a store keeps of a session, apart from its encoding. */
export interface SessionRecord {
  readonly data: Readonly<Record<string, unknown>>;
  readonly meta: SessionMeta;
  /** The text that it was read from, where what stays the same has to keep that: other programs write the records too. */
  readonly text?: string | undefined;
}

/** A record as it was read, with what a later replace must know. */
export interface ReadRecord extends SessionRecord {
  readonly version: unknown;
}

/** What stands in the place of a record that was destroyed or retired: nothing where its id may open a new session at once. */
export type Placeholder = 'tombstone' | 'nothing';

/** In the order in which they are written. */
const META_PARTS = ['permanent', 'addr', 'created', 'seen'] as const;

/** Splits what a serializer read into data and meta, or answers `undefined` when it is no record at all. */
export function recordFromWire(payload: unknown, names: RecordNames): SessionRecord | undefined {
  if (typeof payload !== 'object' || payload === null || !isPlain(payload)) return undefined;
  const data: Record<string, unknown> = {};
  const fields = payload as Record<string, unknown>;
  for (const key of Object.keys(fields)) if (!names.has(key)) defineData(data, key, fields[key]);
  const seen = names.seen === undefined ? undefined : asTime(fields[names.seen]);
  const { [names.created]: created, [names.addr]: addr, [names.permanent]: permanent } = fields;
  return { data, meta: { created: asTime(created), seen, addr: asText(addr), permanent } };
}

/** The flat object that the serializer writes; the reserved keys come first, so that a person who looks sees them. */
export function recordToWire({ data, meta }: SessionRecord, names: RecordNames): Record<string, unknown> {
  const payload: Record<string, unknown> = {};
  for (const part of META_PARTS) {
    const name = names[part];
    if (name !== undefined && meta[part] !== undefined) payload[name] = meta[part];
  }
  // Whatever the data hold, they never speak for the library.
  for (const key of Object.keys(data)) if (!names.has(key)) defineData(payload, key, data[key]);
  return payload;
}

/** Sets an own property whatever its name: plain assignment, the fast way, would take `__proto__` for the prototype and stop at inherited names. */
export function defineData(target: Record<string, unknown>, key: string, value: unknown): void {
  if (!(key in target)) target[key] = value;
  else Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
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
