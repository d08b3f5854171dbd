import { Inject, Injectable, type CanActivate, type ExecutionContext, type Type } from '@nestjs/common';

import { isOfUser } from '../session/live-session.js';
import { SessionConfigurationError } from '../session.errors.js';
import { HandlerCache } from './handler-cache.js';
import { NamedGuards } from './named-guards.js';
import { guardedPlaceOf, type GuardedPlace } from './public.decorator.js';
import { refusal } from './refusal.js';
import { isRootField, operationFieldOf } from './session-place.js';
import { engineOf, SessionService } from './session.service.js';

let readLack: (guard: SignedInGuard) => string | undefined;

/**
 * Lets a request pass only when a user has signed in: when the option `user` finds one in the data of the session. Any other request
 * gets a 401, as GraphQL's error `UNAUTHENTICATED` or as a gateway's exception. While the store is down it is a 503: an outage makes
 * nobody anonymous.
 *
 * Name it above a handler or a class, `@UseGuards(SignedInGuard)`, or have it guard the whole application, except what
 * {@link Public | @Public()} opens:
 *
 * ```ts
 * providers: [{ provide: APP_GUARD, useClass: SignedInGuard }]
 * ```
 *
 * - What is no handler has no guard: static files, unknown paths, and what middleware answers.
 * - For the whole application it also guards the messages of gateways, on NestJS 11 too, where other global guards do not run for
 *   them. It does not guard their connections: as one connection may be that of several gateways, name it above `handleConnection`.
 * - With `fieldResolverEnhancers: ['guards']` Nest runs global guards for each field of a GraphQL type. Where it has let the operation
 *   pass, it lets the fields below pass without a look. The fields of the events of a public subscription need `@Public()` too.
 * - A microservice has no session: there its handlers need `@Public()`.
 *
 * Unlike `SessionGuard`, it does not take an anonymous cart for somebody.
 */
@Injectable()
export class SignedInGuard implements CanActivate {
  static {
    readLack = (guard) => (#sessions in guard ? guard.#lack : undefined);
  }

  readonly #sessions: SessionService;
  readonly #known = new HandlerCache<object, object, GuardedPlace>((controller, handler) =>
    guardedPlaceOf((named) => named === this || named === this.constructor, controller, handler),
  );
  /** The fields of GraphQL operations that have been let pass. */
  readonly #passed = new WeakSet<object>();

  /**
   * The guard for the sessions of the SessionModule with this name: `@UseGuards(SignedInGuard.of('admin'))`.
   * @param name the `name` of the module.
   */
  static of(name: string): Type<SignedInGuard> {
    return NAMED.of(name);
  }

  constructor(@Inject(SessionService) sessions: SessionService) {
    this.#sessions = sessions;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { isPublic, isNamed } = this.#known.of(context.getClass(), context.getHandler());
    const field = operationFieldOf(context);
    const isBelow = field !== undefined && !isRootField(context);
    if (isPublic && isBelow) return true;
    const isDecided = isBelow && !isNamed && this.#passed.has(field);
    if (!isPublic && !isDecided) await this.#look(context);
    if (field !== undefined) this.#passed.add(field);
    return true;
  }

  async #look(context: ExecutionContext): Promise<void> {
    const isSomebodys = isOfUser(await this.#sessions.open(context));
    if (isSomebodys === undefined) throw new SessionConfigurationError(this.#lack ?? STAND_IN);
    if (!isSomebodys) throw await refusal(context);
  }

  /** What its module lacks, if anything. A test may have put another service in place of the module's. */
  get #lack(): string | undefined {
    if (!(this.#sessions instanceof SessionService) || engineOf(this.#sessions).options.users !== undefined)
      return undefined;
    return `${this.constructor.name} needs to know whose session it is: give the SessionModule the option \`user\`, such as user: (data) => data.user?.id.`;
  }
}

const STAND_IN =
  'SignedInGuard got a session that does not tell whose it is: in a test, write fakeSession(data, { user: (data) => data.user?.id }).';

const NAMED = new NamedGuards(SignedInGuard);

/** The option that the module of a guard lacks, as a message; `undefined` when it lacks none, or when that cannot be told yet. */
export function lackOf(guard: SignedInGuard): string | undefined {
  return readLack(guard);
}
