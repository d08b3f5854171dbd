import { Catch, UnauthorizedException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Session } from 'nest-session';

import type { ShopSession } from './shop-session.js';

interface ShopRequest {
  readonly originalUrl: string;
  readonly session: Session<ShopSession>;
}

interface ShopResponse {
  redirect(url: string): void;
}

/** Sends a stranger to the login, and remembers the page that was asked for. */
@Catch(UnauthorizedException)
export class LogInFirstFilter implements ExceptionFilter {
  catch(_exception: UnauthorizedException, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    const request = http.getRequest<ShopRequest>();
    request.session.returnTo = request.originalUrl; // a path of ours: never an address from the query
    http.getResponse<ShopResponse>().redirect('/log-in');
  }
}

/** Sends a visitor whom the provider did not sign in back to the shop, with a message for that page. */
@Catch(UnauthorizedException)
export class NotSignedInFilter implements ExceptionFilter {
  catch(_exception: UnauthorizedException, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    http.getRequest<ShopRequest>().session.message = 'The provider did not sign you in.';
    http.getResponse<ShopResponse>().redirect('/');
  }
}
