import { SessionConfigurationError } from '../session.errors.js';

/** Why a response cannot carry the session cookie. A new session is then not stored, as no later request could open it. */
export type CookieObstacle = 'path' | 'insecure' | 'static-file' | 'head-sent' | 'no-response';

/** The cause and the remedy, for the warning about a session that is not stored. */
export const COOKIE_OBSTACLE_REMEDY: Readonly<Record<CookieObstacle, string>> = {
  path: "the request is outside the cookie's path: widen `cookie.path`",
  insecure:
    'the cookie is `secure` and the request came over plain http: behind a proxy that ends TLS set `trust proxy` (Express) or `trustProxy` (Fastify, or the option of this module), or use `secure: "auto"`',
  'static-file': 'the response is a static file: set `staticFiles: true` if files shall start sessions',
  'head-sent': 'the head of the response has been sent already: write to the session before the first byte',
  'no-response': 'there is no HTTP response to carry the cookie: start the session in an HTTP request first',
};

/** The error for what the application asked for and waits for, and what needs the cookie. */
export function obstacleError(obstacle: CookieObstacle, failure: string): SessionConfigurationError {
  return new SessionConfigurationError(`${failure}: ${COOKIE_OBSTACLE_REMEDY[obstacle]}.`);
}
