import { timingSafeEqual } from 'node:crypto';

import { SessionConfigurationError } from '../session.errors.js';
import type { CookieSigner, UnsignedCookie } from './cookie-signer.js';

/** A secret as text, or as bytes, because a Python secret may be bytes that are no text. */
export type Secret = string | Uint8Array;

const SEPARATOR = '.';

/** Makes the signature of a text. */
export interface SigningKey {
  sign(text: string): string;
}

/** Options of a {@link KeyedSigner}. */
export interface KeyedSignerOptions {
  /** The signer's name in error messages. */
  readonly name: string;
  /** One secret, or several: the first signs, all verify. */
  readonly secrets: Secret | readonly Secret[];
  /** Derives the signing key from a secret. */
  readonly keyOf: (secret: Secret) => SigningKey;
  /** What the cookie's value begins with. @default '' */
  readonly prefix?: string;
}

/**
 * Signs as `id.signature` with the first secret and verifies with all of them. It compares the text of the signature, not the
 * bytes that the text decodes to, so that one cookie has one spelling.
 */
export class KeyedSigner implements CookieSigner {
  readonly #keys: readonly SigningKey[];
  readonly #signingKey: SigningKey;
  readonly #prefix: string;

  /** @throws {SessionConfigurationError} when there is no secret, or one is empty. */
  constructor(options: KeyedSignerOptions) {
    this.#prefix = options.prefix ?? '';
    this.#keys = secretsOf(options).map(options.keyOf);
    const [signingKey] = this.#keys;
    if (signingKey === undefined) {
      throw new SessionConfigurationError(
        `${options.name} needs a secret: pass at least one, the one that signs first.`,
      );
    }
    this.#signingKey = signingKey;
  }

  /** The id and its signature, made with the first secret. */
  sign(id: string): string {
    return `${this.#prefix}${id}${SEPARATOR}${this.#signingKey.sign(id)}`;
  }

  /** Splits at the last separator, because an id may hold one. `undefined` when no secret verifies; never throws. */
  unsign(cookie: string): UnsignedCookie | undefined {
    const end = cookie.lastIndexOf(SEPARATOR);
    if (end === -1 || !cookie.startsWith(this.#prefix)) return undefined;
    const id = cookie.slice(this.#prefix.length, end);
    const given = Buffer.from(cookie.slice(end + 1), 'utf8');
    const index = this.#keys.findIndex((key) => {
      const expected = Buffer.from(key.sign(id), 'utf8');
      // timingSafeEqual compares texts of one length only; the length of a signature is no secret.
      return given.length === expected.length && timingSafeEqual(given, expected);
    });
    return index === -1 ? undefined : { id, rotated: index > 0 };
  }
}

function secretsOf({ name, secrets }: KeyedSignerOptions): readonly Secret[] {
  const list: unknown = typeof secrets === 'string' || secrets instanceof Uint8Array ? [secrets] : secrets;
  if (isListOfSecrets(list)) return list;
  throw new SessionConfigurationError(
    `${name}: a secret is empty or is no text. Is its environment variable set? Write 32 random bytes or more, for example from 'openssl rand -hex 32'.`,
  );
}

function isListOfSecrets(list: unknown): list is readonly Secret[] {
  return Array.isArray(list) && list.every(isSecret);
}

function isSecret(secret: unknown): boolean {
  return (typeof secret === 'string' || secret instanceof Uint8Array) && secret.length > 0;
}
