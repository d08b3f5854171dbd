import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

import { SessionConfigurationError } from '../session.errors.js';
import { KeyedSigner, type KeyedSignerOptions, type Secret, type SigningKey } from './keyed-signer.js';

/** Digests of a signature. */
export type SignatureDigest = 'sha1' | 'sha256' | 'sha384' | 'sha512';

const DIGESTS: readonly string[] = ['sha1', 'sha256', 'sha384', 'sha512'] satisfies SignatureDigest[];

/** Options of a {@link SaltedSigner}. */
export interface SaltedSignerOptions extends Pick<KeyedSignerOptions, 'name' | 'secrets'> {
  /** Keeps signatures of the same secret for different purposes apart. */
  readonly salt: string;
  readonly digest: SignatureDigest;
}

/** Signs with keys that it derives from the secrets for one purpose. */
export class SaltedSigner extends KeyedSigner {
  /** @throws {SessionConfigurationError} when there is no secret, one is empty, or the digest is unknown. */
  constructor({ name, secrets, salt, digest }: SaltedSignerOptions) {
    if (!DIGESTS.includes(digest)) {
      throw new SessionConfigurationError(`${name}: digest must be one of ${DIGESTS.join(', ')}.`);
    }
    super({ name, secrets, keyOf: (secret) => new SaltedKey(secret, salt, digest) });
  }
}

/**
 * A key for one purpose, derived from a secret: the HMAC of the salt, as itsdangerous derives it with `key_derivation='hmac'`.
 * A signature that the same secret made for another purpose does not verify.
 */
class SaltedKey implements SigningKey {
  readonly #digest: SignatureDigest;
  readonly #key: KeyObject;

  constructor(secret: Secret, salt: string, digest: SignatureDigest) {
    this.#digest = digest;
    this.#key = createSecretKey(createHmac(digest, secret).update(salt, 'utf8').digest());
  }

  /** The signature of a text: base64url without padding. */
  sign(text: string): string {
    return createHmac(this.#digest, this.#key).update(text, 'utf8').digest('base64url');
  }
}
