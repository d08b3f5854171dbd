import type { IncomingMessage } from 'node:http';

import { isWellFormedId } from '../session/session-id.js';
import type { CookieSigner, UnsignedCookie } from './cookie-signer.js';

/**
 * Signs as another signer does, and also takes a cookie that has no signature: as one that is to be signed again. What could be an id
 * and a signature is none: an id has no separator in it.
 */
export class SignerOfUnsigned implements CookieSigner {
  readonly #signer: CookieSigner;

  constructor(signer: CookieSigner) {
    this.#signer = signer;
  }

  sign(id: string, request: IncomingMessage): string {
    return this.#signer.sign(id, request);
  }

  unsign(cookie: string, request: IncomingMessage): UnsignedCookie | undefined {
    const signed = this.#signer.unsign(cookie, request);
    if (signed !== undefined || !isWellFormedId(cookie)) return signed;
    return { id: cookie, rotated: true };
  }
}
