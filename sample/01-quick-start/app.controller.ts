import { Body, Controller, Get, Post, UnauthorizedException, UseGuards } from '@nestjs/common';
import { Session, SignedInGuard } from 'nest-session';

export type Data = { visits: number; user: string }; // what a session may hold; each key is optional

@Controller()
export class AppController {
  @Get()
  visit(@Session() session: Session<Data>) {
    session.visits = (session.visits ?? 0) + 1; // saved before the client sees the response
    return { visits: session.visits };
  }

  @Post('login')
  async login(@Session() session: Session<Data>, @Body('name') name: string, @Body('password') password: string) {
    if (name !== 'ada' || password !== 'lovelace') throw new UnauthorizedException();
    await session.regenerate({ keep: true }); // a new id, against session fixation; the visits stay
    session.user = name;
    return { user: name };
  }

  @UseGuards(SignedInGuard) // 401 without a login
  @Get('me')
  me(@Session() session: Session<Data>) {
    return { user: session.user, visits: session.visits };
  }

  @Post('logout')
  logout(@Session() session: Session) {
    return session.destroy(); // ends the session at once, and expires the cookie
  }
}
