import type { SessionMembers } from './session-members.js';
import { defineData } from './session-record.js';

/** Data of a session, by key. */
export type Data = Readonly<Record<string, unknown>>;

/** The names of a live session's members. */
const MEMBER_NAMES: Readonly<Record<keyof SessionMembers, true>> = {
  id: true,
  isNew: true,
  regenerate: true,
  destroy: true,
  save: true,
  reload: true,
  touch: true,
  update: true,
};

/** Whether a key of the data would hide a member. Another program may have written such data: they are kept but not shown. */
export function isMemberName(key: string): boolean {
  return Object.hasOwn(MEMBER_NAMES, key);
}

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
