import { defineData } from './session-record.js';
import { isMemberName } from './live-session.js';

/** Data of a session, by key. */
type Data = Readonly<Record<string, unknown>>;

/** The data under these keys alone, as far as there are any. */
export function pickKeys(data: Data, keys: Iterable<string>): Record<string, unknown> {
  const picked: Record<string, unknown> = {};
  for (const key of keys) if (Object.hasOwn(data, key)) defineData(picked, key, data[key]);
  return picked;
}

/** Makes these keys what they are in other data: set, or not there. */
export function layKeysOver(data: Record<string, unknown>, from: Data, keys: Iterable<string>): void {
  for (const key of keys) {
    if (Object.hasOwn(from, key)) defineData(data, key, from[key]);
    else delete data[key];
  }
}

/** Whether there is nothing to store: a key that is `undefined` is left out of the record. */
export function isEmptyData(data: Data): boolean {
  return Object.keys(data).every((key) => data[key] === undefined);
}

/** Data that another program stored under a member's name: never shown, never lost. */
export function hiddenData(data: Data): Record<string, unknown> {
  return pickKeys(data, Object.keys(data).filter(isMemberName));
}
