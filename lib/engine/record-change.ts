import type { ReadRecord, Removal, SessionRecord } from '../session/session-record.js';
import type { SessionEndReason } from '../session.errors.js';

/** What takes a record's place. */
export type Replacement = SessionRecord | Removal;

/** What a compare-and-set writes. A caller may add what it wants to know of the attempt that won. */
export interface Change {
  readonly replacement: Replacement;
  /** Why the session ends, if it does. @default 'destroyed' */
  readonly reason?: SessionEndReason;
}

/** Makes the replacement of a record at once. It may run several times. */
export type SyncChange<C extends Change = Change> = (base: ReadRecord) => C;

/** How a compare-and-set ended: with the change that won, or with no record left to change. */
export type Rewritten<C extends Change> =
  { readonly outcome: 'replaced'; readonly change: C } | { readonly outcome: 'gone' };
