/** A session in the list of its user. */
export interface ListEntry {
  /** The key of its record, without the prefix. */
  readonly name: string;
  /** When the session became this user's, in epoch seconds. */
  readonly since: number;
  /** When the entry was last written, in epoch seconds. */
  readonly at: number;
  /** How many seconds from then on the record can live, unless the entry is written again. */
  readonly lifetime: number;
  /** What a page shows of the device. */
  readonly device?: unknown;
  /** Since when the session is being ended, in epoch seconds. */
  readonly voidSince?: number | undefined;
}

/** The sessions of one user, in the order in which they became the user's. */
export type UserList = readonly ListEntry[];

/** Of how many entries a list that is too large keeps the device. */
const LAST_DEVICES = 100;

/** What the serializer writes of a list. */
export function listToWire(list: UserList): object {
  return {
    sessions: list.map(({ voidSince, ...entry }) => (voidSince === undefined ? entry : { ...entry, voidSince })),
  };
}

/**
 * The list that a serializer has read.
 * @returns `undefined` when the payload is none.
 */
export function listFromWire(payload: unknown): UserList | undefined {
  const { sessions } = Object(payload) as { readonly sessions?: unknown };
  return Array.isArray(sessions) && sessions.every(isEntry) ? sessions : undefined;
}

/** For how many seconds a store should keep the list: as long as the record of any entry can live. */
export function ttlOf(list: UserList): number {
  // The whole lifetimes, not what is left of them: that would compare the clocks of the machines that wrote the entries.
  return Math.max(1, ...list.map(({ lifetime }) => Math.ceil(lifetime)));
}

/** The list without the entries of these names. */
export function without(list: UserList, names: ReadonlySet<string>): UserList {
  return list.filter(({ name }) => !names.has(name));
}

/** The list with the devices of the last entries alone. */
export function withLastDevices(list: UserList): UserList {
  const first = list.length - LAST_DEVICES;
  return list.map((entry, index) => (index < first ? { ...entry, device: undefined } : entry));
}

/** The list with the entries of these names marked as being ended. */
export function markVoid(list: UserList, names: ReadonlySet<string>, now: number): UserList {
  return list.map((entry) =>
    names.has(entry.name) && entry.voidSince === undefined ? { ...entry, voidSince: now } : entry,
  );
}

/** Whether a session is in the list, and nothing is ending it. */
export function holds(list: UserList, name: string): boolean {
  return list.some((entry) => entry.name === name && entry.voidSince === undefined);
}

function isEntry(value: unknown): value is ListEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { name, since, at, lifetime, voidSince } = value as Partial<Record<keyof ListEntry, unknown>>;
  return typeof name === 'string' && [since, at, lifetime, voidSince ?? 0].every(Number.isFinite);
}
