import { timingSafeEqual } from 'node:crypto';
import { SessionConfigurationError } from '../session.errors.js';
import type { CookieSigner, UnsignedCookie } from './cookie-signer.js';
import { SaltedKey, type Secret, type SignatureDigest } from './salted-key.js';

const SEPARATOR = '.';
const DIGESTS: readonly string[] = ['sha1', 'sha256', 'sha384', 'sha512'] satisfies SignatureDigest[];

/** What tells one signer of this shape from another. */
export interface SaltedSignerParts {
  /** The signer's name, for messages. */
  readonly name: string;
  readonly secrets: Secret | readonly Secret[];
  readonly salt: string;
  readonly digest: SignatureDigest;
}

/**
 * Signs as `id.signature` with the first secret and verifies with all of them. The signature's text is compared, not what it decodes
 * to, so that one cookie has one spelling.
 */
export class SaltedSigner implements CookieSigner {
  readonly #keys: readonly SaltedKey[];
  readonly #signingKey: SaltedKey;

  /** @throws {SessionConfigurationError} when there is no secret, one is empty, or the digest is unknown. */
  constructor(parts: SaltedSignerParts) {
    const { name, salt, digest } = parts;
    if (!DIGESTS.includes(digest)) {
      throw new SessionConfigurationError(`${name}: digest must be one of ${DIGESTS.join(', ')}.`);
    }
    this.#keys = secretsOf(parts).map((secret) => new SaltedKey(secret, salt, digest));
    const [signingKey] = this.#keys;
    if (signingKey === undefined) {
      throw new SessionConfigurationError(`${name} needs a secret: pass at least one, the one that signs first.`);
    }
    this.#signingKey = signingKey;
  }

  /** The id and its signature, made with the first secret. */
  sign(id: string): string {
    return `${id}${SEPARATOR}${this.#signingKey.sign(id)}`;
  }

  /** Splits at the last separator, since an id may hold one. `undefined` where no secret verifies; never throws. */
  unsign(cookie: string): UnsignedCookie | undefined {
    const end = cookie.lastIndexOf(SEPARATOR);
    if (end === -1) return undefined;
    const id = cookie.slice(0, end);
    const signature = Buffer.from(cookie.slice(end + 1), 'utf8');
    const index = this.#keys.findIndex((key) => isSame(signature, Buffer.from(key.sign(id), 'utf8')));
    return index === -1 ? undefined : { id, rotated: index > 0 };
  }
}

/** The length of a signature is no secret; only texts of the same length can be compared in constant time. */
function isSame(given: Buffer, expected: Buffer): boolean {
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function secretsOf({ name, secrets }: SaltedSignerParts): readonly Secret[] {
  const list = typeof secrets === 'string' || secrets instanceof Uint8Array ? [secrets] : secrets;
  const isUsable = Array.isArray(list) && list.every((secret) => isSecret(secret));
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
