import { inspect } from 'node:util';

import { Controller, Get, HttpCode, Inject, Param, Post } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { Session, Tuple } from 'nest-session';

export const REDIS = Symbol('REDIS');

/** What both applications keep in the session. */
interface SharedData {
  user: string;
  since: Date;
  cart: Tuple<string>[];
}

/** The same routes as in quart/app.py. */
@Controller('api')
export class SessionController {
  constructor(@Inject(REDIS) private readonly redis: Redis) {}

  /** Where the page finds the other application: on the same site, or the cookie would not travel. */
  @Get('quart')
  quart() {
    return { port: process.env['QUART_PORT'] ?? '5000' };
  }

  @Get('session')
  async session(@Session() session: Session<SharedData>) {
    const seen = Object.entries(session).map(([key, value]) => [key, inspect(value, { breakLength: Infinity })]);
    const record = session.isNew ? null : await this.redis.get(`session:${session.id}`);
    return { seen, record };
  }

  @Post('sign-in/:name')
  @HttpCode(204)
  async signIn(@Session() session: Session<SharedData>, @Param('name') name: string) {
    await session.regenerate({ keep: true }); // a new id, with which Quart goes on
    session.user = name;
    session.since = new Date();
  }

  @Post('cart/:item')
  @HttpCode(204)
  async add(@Session() session: Session<SharedData>, @Param('item') item: string) {
    // Runs again if Quart, or another request, wrote in between.
    await session.update((data) => {
      data.cart = [...(data.cart ?? []), Tuple.of(item, 'NestJS')]; // a Tuple is a tuple in Python
    });
  }

  @Post('sign-out')
  @HttpCode(204)
  signOut(@Session() session: Session) {
    return session.destroy();
  }
}
