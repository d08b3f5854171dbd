import { BadRequestException, Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import { Session } from 'nest-session';

import type { ChatSession } from './chat-session.js';

@Controller('api/account')
export class AccountController {
  @Get()
  account(@Session() { user, said = 0 }: Session<ChatSession>): object {
    return { user: user ?? null, said };
  }

  /** A sample believes anybody. */
  @Post('sign-in')
  @HttpCode(200)
  async signIn(@Session() session: Session<ChatSession>, @Body('name') name: unknown): Promise<object> {
    if (typeof name !== 'string' || name.trim() === '') throw new BadRequestException('Say who you are.');
    await session.regenerate(); // a new id, against session fixation
    session.user = name.trim().slice(0, 40);
    return { user: session.user, said: 0 };
  }

  @Post('sign-out')
  @HttpCode(204)
  signOut(@Session() session: Session<ChatSession>): Promise<void> {
    return session.destroy();
  }
}
