import { SessionConfigurationError } from '../session.errors.js';
import { shown } from '../shown.js';
import type { ResolvedCookie } from './cookie-options.js';
import { removalCookie } from './session-cookie.js';

const BOOLEANS: readonly unknown[] = [true, false];

/** The values of each attribute that has a fixed set of them. A text such as 'false' from the environment is none of them. */
const ALLOWED: Partial<Record<keyof ResolvedCookie, readonly unknown[]>> = {
  httpOnly: BOOLEANS,
  secure: ['auto', ...BOOLEANS],
  sameSite: ['lax', 'strict', 'none'],
  persistent: BOOLEANS,
  partitioned: [...BOOLEANS, undefined],
  priority: ['low', 'medium', 'high', undefined],
};

/**
 * Most characters of a name. Browsers drop a cookie whose name and value together exceed 4096 bytes (RFC 6265bis section 5.6); the
 * values of our signers have some 220 bytes at most.
 */
const LONGEST_NAME = 1024;

/**
 * Refuses a cookie that a browser would drop or misread, so that the mistake shows at start-up and not as lost sessions.
 * @throws {SessionConfigurationError} when a browser would not keep the cookie; the message says what to write instead.
 */
export function validateCookie(cookie: ResolvedCookie): void {
  checkValues(cookie);
  checkNeedOfSecure(cookie);
  checkHostPrefix(cookie);
  checkText(cookie);
}

function checkValues(cookie: ResolvedCookie): void {
  for (const [key, allowed] of Object.entries(ALLOWED)) {
    const value = cookie[key as keyof ResolvedCookie];
    if (allowed.includes(value)) continue;
    const choices = allowed.filter((choice) => choice !== undefined).map(shown);
    throw new SessionConfigurationError(`cookie.${key} is ${shown(value)}: write one of ${choices.join(', ')}.`);
  }
}

/** RFC 6265bis sections 4.1.3 and 5.6.7, and CHIPS. 'auto' is not enough: over plain http the browser would drop the cookie. */
function checkNeedOfSecure(cookie: ResolvedCookie): void {
  if (cookie.secure === true) return;
  const reason =
    (cookie.sameSite === 'none' && "sameSite: 'none'") ||
    (cookie.partitioned && 'partitioned: true') ||
    (/^__(host|secure)-/i.test(cookie.name) && `the name '${cookie.name}'`);
  if (!reason) return;
  throw new SessionConfigurationError(`cookie: ${reason} needs secure: true, or browsers drop the cookie.`);
}

/** RFC 6265bis section 4.1.3.2; browsers ignore the case of the prefix. */
function checkHostPrefix(cookie: ResolvedCookie): void {
  if (!/^__host-/i.test(cookie.name)) return;
  if (cookie.path !== '/') {
    throw new SessionConfigurationError(
      `cookie: the name '${cookie.name}' needs path: '/', or browsers drop the cookie.`,
    );
  }
  if (cookie.domain !== undefined) {
    throw new SessionConfigurationError(`cookie: the name '${cookie.name}' allows no domain: leave cookie.domain out.`);
  }
}

function checkText(cookie: ResolvedCookie): void {
  if (!String(cookie.path).startsWith('/')) {
    throw new SessionConfigurationError(`cookie.path is ${shown(cookie.path)}: write a path that starts with '/'.`);
  }
  const { length } = String(cookie.name);
  if (length > LONGEST_NAME) {
    throw new SessionConfigurationError(
      `cookie.name has ${length} characters, and browsers drop a cookie that is too long: write at most ${LONGEST_NAME}.`,
    );
  }
  try {
    removalCookie(cookie, true);
  } catch (cause) {
    const { name, path, domain } = cookie;
    throw new SessionConfigurationError(
      `cookie: browsers do not take the name ${shown(name)}, the path ${shown(path)} or the domain ${shown(domain)}: ` +
        "write a name without blanks, ';' and '=', a path in ASCII without ';', and a domain such as 'example.com'.",
      { cause },
    );
  }
}
