import type { Secret, SignatureDigest } from './salted-key.js';
import { SaltedSigner } from './salted-signer.js';

/** What an {@link ItsdangerousSigner} may be told; the defaults are those of Quart-Session. */
export interface ItsdangerousSignerOptions {
  /** Keeps signatures of the same secret for different purposes apart; Flask-Session's is `flask-session`. @default 'quart-session' */
  readonly salt?: string;
  /** @default 'sha1', itsdangerous's own default; as an HMAC it is not touched by the collisions known of SHA-1. */
  readonly digest?: SignatureDigest;
}

/**
 * Signs the session id as Quart-Session and Flask-Session do, with itsdangerous's `Signer` and `key_derivation='hmac'`, so that both
 * sides read the same cookie. Compares the signature's text, which is stricter than itsdangerous: that also takes padding, junk
 * and four spellings of the last character, none of which it writes.
 */
export class ItsdangerousSigner extends SaltedSigner {
  /**
   * @param secrets - Python's `SECRET_KEY`, or several with the one that signs first (itsdangerous lists that one last).
   * @throws {SessionConfigurationError} when there is no secret, one is empty, or the digest is unknown.
   */
  constructor(secrets: Secret | readonly Secret[], options: ItsdangerousSignerOptions = {}) {
    const { salt = 'quart-session', digest = 'sha1' } = options;
    super({ name: 'ItsdangerousSigner', secrets, salt, digest });
  }
}
