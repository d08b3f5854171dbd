import { Injectable, UnauthorizedException, type ExecutionContext } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';

/** Sends the browser to the provider, and signs in when it comes back, into a session with a new id. */
@Injectable()
export class ProviderGuard extends AuthGuard('provider') {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    await super.canActivate(context);
    await super.logIn(context.switchToHttp().getRequest());
    return true;
  }
}

/** Fills `request.user` from the session, and lets strangers pass, too. */
@Injectable()
export class UserGuard extends AuthGuard('session') {
  // AuthGuard writes what a strategy returns to this property. 'session' returns nothing, and fills `request.user` itself.
  override getAuthenticateOptions(): { property: string } {
    return { property: 'nothing' };
  }
}

/** Lets signed-in users pass, and nobody else. Unlike the `SignedInGuard` of the library, it also looks the user up, for `request.user`. */
@Injectable()
export class SignedInGuard extends UserGuard {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    await super.canActivate(context);
    if (!context.switchToHttp().getRequest<Express.Request>().isAuthenticated()) throw new UnauthorizedException();
    return true;
  }
}
