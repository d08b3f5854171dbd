import { Logger } from '@nestjs/common';

import type { PassportRoutes } from './passport-routes.js';

/** Each SessionModule of an application has it checked, and one warning is enough. */
const checked = new WeakSet<PassportRoutes>();

/**
 * Warns at start-up where an AuthGuard of Passport may look for a session and no module shows its own as `request.session`: a login
 * would fail there, with a message of Passport's that says "express-session". No error, because a guard may need no session.
 */
export function warnPassportWithoutSession(passports: readonly PassportRoutes[]): void {
  const [passport] = passports;
  if (passport === undefined || checked.has(passport)) return;
  checked.add(passport);
  if (passports.some(({ isShown }) => isShown)) return;
  const guarded = passport.firstGuarded;
  if (guarded === undefined) return;
  new Logger('SessionModule').warn(
    `An AuthGuard of @nestjs/passport guards ${guarded}, but Passport reads request.session, and no SessionModule shows its session there: import one without a name, or write exposeAs: 'session' in one. Where the guard needs no session, write PassportModule.register({ session: false }).`,
  );
}
