import { Controller, Get, Post, Redirect, UseFilters, UseGuards } from '@nestjs/common';
import { Session } from 'nest-session';

import { NotSignedInFilter } from './log-in.filters.js';
import { ProviderGuard } from './passport.guards.js';
import type { ShopSession } from './shop-session.js';

@Controller()
export class LogInController {
  @UseGuards(ProviderGuard)
  @Get('log-in')
  logIn(): void {
    // The guard has sent the browser to the provider.
  }

  @UseGuards(ProviderGuard)
  @UseFilters(NotSignedInFilter)
  @Redirect()
  @Get('log-in/callback')
  signedIn(@Session() session: Session<ShopSession>): { url: string } {
    const { returnTo = '/' } = session;
    delete session.returnTo;
    return { url: returnTo };
  }

  @Redirect('/', 303)
  @Post('log-out')
  async logOut(@Session() session: Session): Promise<void> {
    await session.destroy();
  }
}
