import { SessionConfigurationError } from '../session.errors.js';

/**
 * Keeps a function of the test kit out of a process that serves users, where a call would sign anybody in.
 * @param name the function, for the message.
 * @throws {SessionConfigurationError} when `NODE_ENV` is `production`.
 */
export function refuseProduction(name: string): void {
  // oxlint-disable-next-line node/no-process-env -- an option could be passed in production as well.
  if (process.env['NODE_ENV'] !== 'production') return;
  throw new SessionConfigurationError(
    `${name}() is for tests and does not run with NODE_ENV=production: set another NODE_ENV for the tests, and call it nowhere else.`,
  );
}
