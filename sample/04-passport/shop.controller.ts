import { Controller, Get, Header, Post, Redirect, Req, UseFilters, UseGuards } from '@nestjs/common';
import { Session } from 'nest-session';

import type { User } from './accounts.js';
import { LogInFirstFilter } from './log-in.filters.js';
import { button, link, page } from './page.js';
import { SignedInGuard, UserGuard } from './passport.guards.js';
import type { ShopSession } from './shop-session.js';

/** A request behind a guard of Passport. */
interface UserRequest {
  readonly user?: User;
}

@Controller()
export class ShopController {
  @UseGuards(UserGuard)
  @Header('content-type', 'text/html; charset=utf-8')
  @Get()
  home(@Req() { user }: UserRequest, @Session() session: Session<ShopSession>): string {
    const { message = '', books = 0 } = session;
    delete session.message;
    return page(
      user === undefined ? 'Hello, stranger' : `Hello, ${user.name}`,
      `<p role="status">${message}</p>
       <p>Books in your cart: <strong id="books">${books}</strong></p>
       <div class="actions">
         ${button('/books', 'Add a book')}
         ${link('/orders', 'Your orders')}
         ${user === undefined ? link('/log-in', 'Sign in') : button('/log-out', 'Sign out')}
       </div>`,
    );
  }

  @Redirect('/', 303)
  @Post('books')
  add(@Session() session: Session<ShopSession>): void {
    session.books = (session.books ?? 0) + 1;
  }

  @UseGuards(SignedInGuard)
  @UseFilters(LogInFirstFilter)
  @Header('content-type', 'text/html; charset=utf-8')
  @Get('orders')
  orders(@Req() { user }: UserRequest): string {
    return page(
      'Your orders',
      `<p>${user?.name} has ordered nothing yet.</p><div class="actions">${link('/', 'Back to the shop')}</div>`,
    );
  }
}
