import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

import { KeyedSigner, type Secret, type SigningKey } from './keyed-signer.js';

/**
 * Signs the session id as express-session does with the package `cookie-signature`: `s:`, the id, a dot, and its HMAC-SHA256 in
 * base64 without padding.
 */
export class ExpressSessionSigner extends KeyedSigner {
  /**
   * @param secrets the `secret` of express-session, in the same order: the first signs, all verify.
   * @throws {SessionConfigurationError} when there is no secret or one is empty.
   */
  constructor(secrets: Secret | readonly Secret[]) {
    super({ name: 'ExpressSessionSigner', secrets, prefix: 's:', keyOf: (secret) => new PlainKey(secret) });
  }
}

class PlainKey implements SigningKey {
  readonly #key: KeyObject;

  constructor(secret: Secret) {
    this.#key = typeof secret === 'string' ? createSecretKey(secret, 'utf8') : createSecretKey(secret);
  }

  sign(text: string): string {
    return createHmac('sha256', this.#key).update(text, 'utf8').digest('base64').replace(/=+$/, '');
  }
}
