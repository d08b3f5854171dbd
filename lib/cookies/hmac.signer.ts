import type { Secret } from './keyed-signer.js';
import { SaltedSigner } from './salted-signer.js';

/** Options of a {@link HmacSigner}. */
export interface HmacSignerOptions {
  /** Keeps signatures of the same secret for different purposes apart. @default 'nest-session' */
  readonly salt?: string;
}

/**
 * Signs the session id with HMAC-SHA256: `id.` and 43 characters of base64url. The first secret signs, all verify, so that you can
 * replace a secret without logging users out: put the new one first, and drop the old one once its cookies have expired.
 */
export class HmacSigner extends SaltedSigner {
  /**
   * @param secrets one secret, or several with the one that signs first.
   * @throws {SessionConfigurationError} when there is no secret or one is empty.
   */
  constructor(secrets: Secret | readonly Secret[], options: HmacSignerOptions = {}) {
    const { salt = 'nest-session' } = options;
    super({ name: 'HmacSigner', secrets, salt, digest: 'sha256' });
  }
}
