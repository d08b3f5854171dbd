import { Injectable } from '@nestjs/common';

export interface User {
  readonly id: string;
  readonly name: string;
}

/** The users of the shop, in place of a database. */
@Injectable()
export class Accounts {
  readonly #users: readonly User[] = [
    { id: 'ada', name: 'Ada Lovelace' },
    { id: 'grace', name: 'Grace Hopper' },
  ];

  async withId(id: string): Promise<User | undefined> {
    return this.#users.find((user) => user.id === id);
  }
}
