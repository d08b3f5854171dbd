import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

import { BadRequestException, Injectable } from '@nestjs/common';

export interface Account {
  readonly id: string;
  readonly name: string;
  readonly isAdministrator: boolean;
}

/** What a password is kept as. */
interface Hash {
  readonly salt: Buffer;
  readonly key: Buffer;
}

const KEY_BYTES = 32;
const deriveKey = promisify<string, Buffer, number, Buffer>(scrypt);

/** The password of every account, until it is changed. The sign-in page shows it. */
const FIRST_PASSWORD = 'difference engine';

/** The users of this sample, in place of a database. A restart brings the first passwords back. */
@Injectable()
export class Accounts {
  readonly #accounts: readonly Account[] = [
    { id: 'ada', name: 'Ada Lovelace', isAdministrator: false },
    { id: 'grace', name: 'Grace Hopper', isAdministrator: false },
    { id: 'margaret', name: 'Margaret Hamilton', isAdministrator: true },
  ];
  readonly #hashes = new Map<string, Promise<Hash>>();
  /** Verified where there is no account, so that the time of the response does not tell which names there are. */
  readonly #nobody = hashOf('nobody has this password');

  constructor() {
    for (const { id } of this.#accounts) this.#hashes.set(id, hashOf(FIRST_PASSWORD));
  }

  all(): readonly Account[] {
    return this.#accounts;
  }

  withId(id: string): Account | undefined {
    return this.#accounts.find((account) => account.id === id);
  }

  /** @returns the account of that id, if the password is its own. */
  async verified(id: unknown, password: unknown): Promise<Account | undefined> {
    if (typeof id !== 'string' || typeof password !== 'string') return undefined;
    const account = this.withId(id.trim().toLowerCase());
    const { salt, key } = await (this.#hashes.get(account?.id ?? '') ?? this.#nobody);
    const isRight = timingSafeEqual(await deriveKey(password, salt, KEY_BYTES), key);
    return isRight ? account : undefined;
  }

  async setPassword({ id }: Account, password: unknown): Promise<void> {
    if (typeof password !== 'string' || password.length < 8 || password.length > 128) {
      throw new BadRequestException('The new password needs 8 to 128 characters.');
    }
    const hash = hashOf(password);
    this.#hashes.set(id, hash);
    await hash;
  }
}

async function hashOf(password: string): Promise<Hash> {
  const salt = randomBytes(16);
  return { salt, key: await deriveKey(password, salt, KEY_BYTES) };
}
