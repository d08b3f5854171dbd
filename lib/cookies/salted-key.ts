import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** A secret as text, or as bytes, since Python's secrets may be bytes that are no text. */
export type Secret = string | Uint8Array;

/** Digests of a signature. */
export type SignatureDigest = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/**
 * A key for one purpose, derived from a secret: HMAC of the salt, as itsdangerous does with `key_derivation='hmac'`. A signature that
 * was made with the same secret for another purpose does not verify.
 */
export class SaltedKey {
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
