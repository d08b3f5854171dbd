import { UseGuards } from '@nestjs/common';
import { describe, expect, it } from 'vitest';

import { SessionGuard } from '../../../lib/nest/session.guard.js';
import { Public, guardedPlaceOf, type GuardedPlace } from '../../../lib/nest/public.decorator.js';
import { SignedInGuard } from '../../../lib/nest/signed-in.guard.js';

/** What a handler says to the SignedInGuard of the whole application. */
function placeOf(controller: { readonly prototype: object }, handler = 'handle'): GuardedPlace {
  const method = (controller.prototype as Record<string, object>)[handler] as object;
  return guardedPlaceOf((named) => named === SignedInGuard, controller, method);
}

class Plain {
  handle(): void {}

  @Public()
  open(): void {}

  @UseGuards(SignedInGuard)
  closed(): void {}

  @UseGuards(SessionGuard)
  @Public()
  other(): void {}

  @UseGuards(SignedInGuard)
  @Public()
  both(): void {}
}

@Public()
class Open extends Plain {}

@UseGuards(SignedInGuard)
class Closed extends Plain {}

class HeirOfOpen extends Open {
  override handle(): void {}
}

@UseGuards(SignedInGuard)
class ClosedHeirOfOpen extends Open {}

@Public()
class OpenHeirOfClosed extends Closed {}

@UseGuards(SessionGuard)
class OtherHeirOfOpen extends Open {}

@Public()
@UseGuards(SignedInGuard)
class Both extends Plain {}

describe('of @Public() and the guard, the nearest counts:', () => {
  it.each<[string, GuardedPlace, { readonly prototype: object }, string?]>([
    ['nothing says anything', { isPublic: false, isNamed: false }, Plain],
    ['the handler is public', { isPublic: true, isNamed: false }, Plain, 'open'],
    ['the handler names the guard', { isPublic: false, isNamed: true }, Plain, 'closed'],
    ['the handler names another guard', { isPublic: true, isNamed: false }, Plain, 'other'],
    ['the handler says both', { isPublic: false, isNamed: true }, Plain, 'both'],
    ['the class is public', { isPublic: true, isNamed: false }, Open],
    ['the class is public and the handler names the guard', { isPublic: false, isNamed: true }, Open, 'closed'],
    ['the class names the guard', { isPublic: false, isNamed: true }, Closed],
    ['the class names the guard and the handler is public', { isPublic: true, isNamed: true }, Closed, 'open'],
    ['the class says both', { isPublic: false, isNamed: true }, Both],
    ['a class above is public', { isPublic: true, isNamed: false }, HeirOfOpen],
    ['a class above is public and this one names the guard', { isPublic: false, isNamed: true }, ClosedHeirOfOpen],
    ['a class above names the guard and this one is public', { isPublic: true, isNamed: true }, OpenHeirOfClosed],
    ['a class above is public and this one names another guard', { isPublic: true, isNamed: false }, OtherHeirOfOpen],
  ])('%s', (_what, place, controller, handler) => {
    expect(placeOf(controller, handler)).toEqual(place);
  });
});
