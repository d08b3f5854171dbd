import type { Secret } from './keyed-signer.js';
import { SaltedSigner, type SignatureDigest } from './salted-signer.js';

/** Options of an {@link ItsdangerousSigner}; the defaults are those of Quart-Session. */
export interface ItsdangerousSignerOptions {
  /** Keeps signatures of the same secret for different purposes apart; Flask-Session uses `flask-session`. @default 'quart-session' */
  readonly salt?: string;
  /** The digest of the HMAC. The known collisions of SHA-1 do not weaken an HMAC. @default 'sha1', as in itsdangerous */
  readonly digest?: SignatureDigest;
}

/**
 * Signs the session id as Quart-Session and Flask-Session do, with itsdangerous's `Signer` and `key_derivation='hmac'`, so that both
 * sides read the same cookie. It compares the text of the signature, which is stricter than itsdangerous: that also accepts padding,
 * junk and four spellings of the last character, and writes none of them.
 */
export class ItsdangerousSigner extends SaltedSigner {
  /**
   * @param secrets Python's `SECRET_KEY`, or several with the one that signs first (itsdangerous lists that one last).
   * @throws {SessionConfigurationError} when there is no secret, one is empty, or the digest is unknown.
   */
  constructor(secrets: Secret | readonly Secret[], options: ItsdangerousSignerOptions = {}) {
    const { salt = 'quart-session', digest = 'sha1' } = options;
    super({ name: 'ItsdangerousSigner', secrets, salt, digest });
  }
}
