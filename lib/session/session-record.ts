import { RESERVED_RECORD_KEYS } from '../session.constants.js';

/** The library's own part of a record; on the wire it lies beside the data under `_created`, `_seen`, `_addr`, `_permanent`. */
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
}

/** Splits what a serializer read into data and meta, or answers `undefined` when it is no record at all. */
export function recordFromWire(payload: unknown): SessionRecord | undefined {
  if (typeof payload !== 'object' || payload === null || !isPlain(payload)) return undefined;
  const data: Record<string, unknown> = {};
  const fields = payload as Record<string, unknown>;
  for (const key of Object.keys(fields)) if (!isReservedKey(key)) defineData(data, key, fields[key]);
  const { _created, _seen, _addr, _permanent } = fields;
  return { data, meta: { created: asTime(_created), seen: asTime(_seen), addr: asText(_addr), permanent: _permanent } };
}

/** The flat object that the serializer writes; the reserved keys come first, so that a person who looks sees them. */
export function recordToWire({ data, meta }: SessionRecord): Record<string, unknown> {
  const payload: Record<string, unknown> = {
    _permanent: meta.permanent,
    _addr: meta.addr,
    _created: meta.created,
    _seen: meta.seen,
  };
  for (const key of RESERVED_RECORD_KEYS) if (payload[key] === undefined) delete payload[key];
  // Whatever the data hold, they never speak for the library.
  for (const key of Object.keys(data)) if (!isReservedKey(key)) defineData(payload, key, data[key]);
  return payload;
}

/** Sets an own property whatever its name: plain assignment, the fast way, would take `__proto__` for the prototype and stop at inherited names. */
export function defineData(target: Record<string, unknown>, key: string, value: unknown): void {
  if (!(key in target)) target[key] = value;
  else Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}

function isReservedKey(key: string): boolean {
  return (RESERVED_RECORD_KEYS as readonly string[]).includes(key);
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
