import { isMemberName, MEMBERS } from './session-members.js';

/** Data of a session, by key. */
export type Data = Readonly<Record<string, unknown>>;

/** The data under these keys, as far as there are any. */
export function pickKeys(data: Data, keys: Iterable<string>): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const key of keys) if (Object.hasOwn(data, key)) defineData(picked, key, data[key]);
  return picked;
}

/** Makes these keys what they are in the other data: set, or missing. */
export function layKeysOver(data: Record<string, unknown>, from: Data, keys: Iterable<string>): void {
  for (const key of keys) {
    if (Object.hasOwn(from, key)) defineData(data, key, from[key]);
    else delete data[key];
  }
}

/** A copy of the data of a record, which inherits from the prototype, except what would hide a member. */
export function copyData(record: Data, prototype: object): Record<string, unknown> {
  // A spread is the fastest copy, and keeps a key such as `__proto__` a key.
  const copy: Record<string, unknown> = { __proto__: prototype, ...record };
  for (const name of MEMBERS) if (Object.hasOwn(copy, name)) delete copy[name];
  return copy;
}

/** Replaces the data with those of a record, except what would hide a member. */
export function fillData(data: Record<string, unknown>, record: Data): void {
  for (const key of Object.keys(data)) delete data[key];
  for (const key of Object.keys(record)) if (!isMemberName(key)) defineData(data, key, record[key]);
}

/** Whether there is nothing to store. A record leaves out keys that are `undefined`. */
export function isEmptyData(data: Data): boolean {
  return Object.keys(data).every((key) => data[key] === undefined);
}

/** Data that another program stored under a member's name: never shown, never lost. */
export function hiddenData(data: Data): Record<string, unknown> {
  return pickKeys(data, Object.keys(data).filter(isMemberName));
}

/**
 * Sets an own property of any name. Plain assignment is faster, but takes `__proto__` for the prototype and stops at inherited
 * names.
 */
export function defineData(target: Record<string, unknown>, key: string, value: unknown): void {
  if (!(key in target)) target[key] = value;
  else Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
