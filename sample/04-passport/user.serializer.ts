import { Inject, Injectable } from '@nestjs/common';
import { PassportSerializer } from '@nestjs/passport';

import { Accounts, type User } from './accounts.js';

type Done = (error: unknown, value?: unknown) => void;

/** The session keeps the id of the user, and no more. */
@Injectable()
export class UserSerializer extends PassportSerializer {
  constructor(@Inject(Accounts) private readonly accounts: Accounts) {
    super();
  }

  serializeUser(user: User, done: Done): void {
    done(null, user.id);
  }

  deserializeUser(id: string, done: Done): void {
    this.accounts.withId(id).then((user) => done(null, user ?? false), done);
  }
}
