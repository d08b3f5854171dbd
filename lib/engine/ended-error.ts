import { SessionDestroyedError } from '../session.errors.js';

const MESSAGES = {
  reload: 'The session has no record in the store: it is new, has expired or was destroyed.',
  regenerate:
    'The session has ended meanwhile, by another request such as a second click, or by UserSessions: load the page again.',
  update: 'The session has ended, so it cannot be updated: load the page again.',
} as const;

/** The error for a method of the session that needs a record where there is none any more. */
export function endedError(method: keyof typeof MESSAGES): SessionDestroyedError {
  return new SessionDestroyedError(MESSAGES[method]);
}
