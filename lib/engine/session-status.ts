import type { RecordState } from './record-state.js';

/** What a request did with its session, as far as the store and the cookie are concerned. */
export type SessionStatus = 'untouched' | 'created' | 'changed' | 'destroyed' | 'dropped';

/** What {@link statusOf} asks of the session. */
export interface SessionContent {
  /** Whether there are no data. */
  readonly isEmpty: boolean;
  /** Whether this request has destroyed or retired a session, so that the browser's cookie opens nothing any more. */
  readonly hasStartedOver: boolean;
  /** Whether the application has set the lifetime or the sign-in, and that is not saved. */
  readonly hasEdits: boolean;
}

/** @param isChanged whether the request has changed data that are not saved. */
export function statusOf(state: RecordState, isChanged: boolean, content: SessionContent): SessionStatus {
  switch (state) {
    case 'known':
      if (!isChanged && !content.hasEdits) return 'untouched';
      if (!content.isEmpty) return 'changed';
      // The request removed all data: then the session is over, as in Flask. Quart-Session stores sessions that never had any.
      return isChanged ? 'destroyed' : 'untouched';
    case 'new':
      if (!content.isEmpty) return 'created';
      return content.hasStartedOver ? 'destroyed' : 'untouched';
    default:
      return 'dropped';
  }
}
