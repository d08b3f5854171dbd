import { SessionConfigurationError } from '../session.errors.js';
import { KeyedSigner, type KeyedSignerParts } from './keyed-signer.js';
import { SaltedKey, type SignatureDigest } from './salted-key.js';

const DIGESTS: readonly string[] = ['sha1', 'sha256', 'sha384', 'sha512'] satisfies SignatureDigest[];

/** What tells one signer of this shape from another. */
export interface SaltedSignerParts extends Pick<KeyedSignerParts, 'name' | 'secrets'> {
  readonly salt: string;
  readonly digest: SignatureDigest;
}

/** Signs with keys that are derived from the secrets for one purpose. */
export class SaltedSigner extends KeyedSigner {
  /** @throws {SessionConfigurationError} when there is no secret, one is empty, or the digest is unknown. */
  constructor({ name, secrets, salt, digest }: SaltedSignerParts) {
    if (!DIGESTS.includes(digest)) {
      throw new SessionConfigurationError(`${name}: digest must be one of ${DIGESTS.join(', ')}.`);
    }
    super({ name, secrets, keyOf: (secret) => new SaltedKey(secret, salt, digest) });
  }
}
