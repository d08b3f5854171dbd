import { IncomingMessage } from 'node:http';

import { SessionConfigurationError } from '../session.errors.js';
import { shown } from '../shown.js';

/** What Node, Express, Fastify, Nest and Passport keep on a request of their own, beside what Node's requests inherit. */
const TAKEN = new Set(
  `aborted accepts acceptsCharset acceptsCharsets acceptsEncoding acceptsEncodings acceptsLanguage acceptsLanguages account app authInfo
  baseUrl body client compileValidationSchema complete context cookies corsPreflightEnabled file files flash fresh get getDecorator
  getValidationFunction header host hostname hosts httpVersion httpVersionMajor httpVersionMinor id ip ips is is404 isAuthenticated
  isUnauthenticated joinDuplicateHeaders log login logIn logOut logout mediaType method middlewareMetadata next originalUrl param params
  passport path port protocol query range raw rawBody rawHeaders rawTrailers req res route routeOptions secret secure server
  setDecorator signal signedCookies socket stale statusCode statusMessage subdomains tlsSocket upgrade url user validateInput
  validationError xhr`.split(/\s+/),
);

/**
 * A name under which the session can show on a request.
 * @throws {SessionConfigurationError} when it is no name, or one that requests have themselves.
 */
export function checkedPropertyName(name: unknown): string | false {
  if (name === false) return false;
  if (typeof name !== 'string' || !/^[A-Za-z_$][\w$]*$/.test(name)) {
    throw new SessionConfigurationError(
      `exposeAs is ${shown(name)}: write a name such as 'httpSession', or false to show the session nowhere.`,
    );
  }
  if (!TAKEN.has(name) && !name.startsWith('_') && !(name in IncomingMessage.prototype)) return name;
  throw new SessionConfigurationError(
    `exposeAs is ${shown(name)}, which requests or Passport use themselves: write another name, such as 'httpSession'.`,
  );
}
