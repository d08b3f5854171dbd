import { BadRequestException, Body, Controller, Get, HttpCode, Post, UnauthorizedException } from '@nestjs/common';
import { Session } from 'nest-session';

import type { DemoData } from './demo-data.js';

/** The page shows it; a real application would verify a hash of each person's own. */
const DEMO_PASSWORD = 'demo';

interface SignInForm {
  readonly name?: unknown;
  readonly password?: unknown;
}

@Controller('api/account')
export class AccountController {
  @Get()
  account(@Session('user') user: DemoData['user'] | undefined) {
    return { user: user ?? null };
  }

  @Post('sign-in')
  @HttpCode(200)
  async signIn(@Session() session: Session<DemoData>, @Body() form: SignInForm | undefined) {
    const user = verified(form ?? {});
    await session.regenerate({ keep: true }); // a new id, against session fixation; the cart survives
    session.user = user;
    return { user };
  }

  @Post('sign-out')
  @HttpCode(204)
  signOut(@Session() session: Session) {
    return session.destroy(); // ends the session at once, and expires the cookie
  }
}

function verified({ name, password }: SignInForm): DemoData['user'] {
  if (typeof name !== 'string' || name.trim() === '' || name.length > 40) {
    throw new BadRequestException('Please enter a name of up to 40 characters.');
  }
  if (password !== DEMO_PASSWORD) throw new UnauthorizedException('That is not the password. It is “demo”.');
  return { name: name.trim() };
}
