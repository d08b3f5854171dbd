import { timingSafeEqual } from 'node:crypto';
import { SessionConfigurationError } from '../session.errors.js';
import type { CookieSigner, UnsignedCookie } from './cookie-signer.js';
import type { Secret } from './salted-key.js';

const SEPARATOR = '.';

/** Makes a signature of a text. */
export interface SigningKey {
  sign(text: string): string;
}

/** What tells one signer of this shape from another. */
export interface KeyedSignerParts {
  /** The signer's name, for messages. */
  readonly name: string;
  readonly secrets: Secret | readonly Secret[];
  readonly keyOf: (secret: Secret) => SigningKey;
  /** What the cookie's value begins with. @default '' */
  readonly prefix?: string;
}

/**
 * Signs as `id.signature` with the first secret and verifies with all of them. The signature's text is compared, not what it decodes
 * to, so that one cookie has one spelling.
 */
export class KeyedSigner implements CookieSigner {
  readonly #keys: readonly SigningKey[];
  readonly #signingKey: SigningKey;
  readonly #prefix: string;

  /** @throws {SessionConfigurationError} when there is no secret, or one is empty. */
  constructor(parts: KeyedSignerParts) {
    this.#prefix = parts.prefix ?? '';
    this.#keys = secretsOf(parts).map(parts.keyOf);
    const [signingKey] = this.#keys;
    if (signingKey === undefined) {
      throw new SessionConfigurationError(`${parts.name} needs a secret: pass at least one, the one that signs first.`);
    }
    this.#signingKey = signingKey;
  }

  /** The id and its signature, made with the first secret. */
  sign(id: string): string {
    return `${this.#prefix}${id}${SEPARATOR}${this.#signingKey.sign(id)}`;
  }

  /** Splits at the last separator, since an id may hold one. `undefined` where no secret verifies; never throws. */
  unsign(cookie: string): UnsignedCookie | undefined {
    const end = cookie.lastIndexOf(SEPARATOR);
    if (end === -1 || !cookie.startsWith(this.#prefix)) return undefined;
    const id = cookie.slice(this.#prefix.length, end);
    const signature = Buffer.from(cookie.slice(end + 1), 'utf8');
    const index = this.#keys.findIndex((key) => isSame(signature, Buffer.from(key.sign(id), 'utf8')));
    return index === -1 ? undefined : { id, rotated: index > 0 };
  }
}

/** The length of a signature is no secret; only texts of the same length can be compared in constant time. */
function isSame(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function secretsOf({ name, secrets }: KeyedSignerParts): readonly Secret[] {
  const list = typeof secrets === 'string' || secrets instanceof Uint8Array ? [secrets] : secrets;
  const isUsable: boolean = Array.isArray(list) && list.every((secret) => isSecret(secret));
  if (!isUsable) {
    throw new SessionConfigurationError(
      `${name}: a secret is empty or is no text. Is its environment variable set? Write 32 random bytes or more, for example from 'openssl rand -hex 32'.`,
    );
  }
  return list;
}

function isSecret(secret: unknown): boolean {
  return (typeof secret === 'string' || secret instanceof Uint8Array) && secret.length > 0;
}
