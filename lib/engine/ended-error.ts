import { SessionDestroyedError } from '../session.errors.js';

const MESSAGES = {
  reload: 'The session has no record in the store: it is new, has expired or was destroyed.',
  regenerate:
    'The session has ended meanwhile, by another request such as a second click, or by UserSessions: load the page again.',
  save: 'The session has ended, so that nothing can be saved in it.',
  signIn: 'The sessions of the user were ended while this one was stored: sign in again.',
  update: 'The session has ended, so it cannot be updated: load the page again.',
} as const;

/** The error for what needs a record of the session where there is none any more. */
export function endedError(what: keyof typeof MESSAGES): SessionDestroyedError {
  return new SessionDestroyedError(MESSAGES[what]);
}
