import { Inject, Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { catchError, concatMap, finalize, Observable, of } from 'rxjs';

import type { AnyRequest, AnyResponse } from '../http/any-request.js';
import { RequestSlot, type SessionPlace } from '../http/request-slot.js';
import { admissionOf } from './admission.js';
import { CurrentPlace, enterEach } from './current-place.js';
import { HandlerNeedsReader } from './handler-needs.js';
import { MessageGuards } from './message-guards.js';
import { MessageScope } from './message-scope.js';
import { savedMessage } from './saved-message.js';
import { findPlace, findSlot, isRootField } from './session-place.js';
import type { SessionService } from './session.service.js';
import { getSessionServiceToken } from './session-tokens.js';

/**
 * Saves the session once the handler has settled, with a value or an error, so that the exception filters see a save that fails.
 * The response hook saves in all other cases: guards that refuse, exception filters, `@Res()`, streams.
 *
 * In a gateway or a resolver it also opens the session ahead of the handler, because Nest 11 runs no global guard for gateways.
 */
@Injectable()
export class SessionInterceptor implements NestInterceptor {
  readonly #needs = new HandlerNeedsReader();
  /** The contexts of handlers before which it stands twice, in which it has run once. */
  readonly #entered = new WeakSet<ExecutionContext>();
  readonly #moduleRef: ModuleRef;
  readonly #modules: ModulesContainer;
  /** Those of the SessionModules with `context: true`. */
  #currents: readonly CurrentPlace[] | undefined;
  readonly #messageGuards: MessageGuards;

  constructor(@Inject(ModuleRef) moduleRef: ModuleRef, @Inject(ModulesContainer) modules: ModulesContainer) {
    this.#moduleRef = moduleRef;
    this.#messageGuards = new MessageGuards(moduleRef);
    this.#modules = modules;
  }

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> | Promise<Observable<unknown>> {
    if (this.#isEntered(context)) return next.handle();
    switch (context.getType<string>()) {
      case 'http':
        return this.#interceptHttp(context, next);
      case 'graphql':
        // Many fields of one operation may be resolved at once: their middleware and the response hook save for all of them.
        return isRootField(context) ? this.#interceptMessage(context, next) : next.handle();
      default:
        return this.#interceptMessage(context, next);
    }
  }

  /**
   * Whether it runs for the second time. A handler that two classes inherit has it for the one, and the other class may have it as
   * well, before interceptors of its own: those must not see the error of a failed save.
   */
  #isEntered(context: ExecutionContext): boolean {
    if (!this.#needs.of(context).repeatsInterceptor) return false;
    if (this.#entered.has(context)) return true;
    this.#entered.add(context);
    return false;
  }

  #interceptHttp(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { isEventStream, respondsItself } = this.#needs.of(context);
    // An event stream settles when it ends, long after its head. A handler that sends the response itself may do so much later.
    if (isEventStream) return next.handle();
    return committed(next.handle(), context.switchToHttp(), respondsItself);
  }

  async #interceptMessage(context: ExecutionContext, next: CallHandler): Promise<Observable<unknown>> {
    const { sessions, settlesOnce } = this.#needs.of(context);
    const admission = context.getType() === 'ws' ? admissionOf(context.getArgByIndex<object>(0)) : undefined;
    if (admission !== undefined) await admission;
    const guarding = context.getType() === 'ws' ? this.#messageGuards.guard(context) : undefined;
    if (guarding !== undefined) await guarding;
    await Promise.all(sessions.map((name) => this.#serviceOf(name).openAhead(context)));
    const handle = (): Observable<unknown> => this.#inPlace(findPlace(context), () => next.handle());
    if (context.getType() !== 'ws') return committedMessage(handle(), context);
    const run = (): Observable<unknown> => inMessageScope(context.getArgs(), handle);
    return savedMessage({ run, slot: () => findSlot(context), settlesOnce });
  }

  /** Makes the message the current place of its handler, and of the Observable that the handler may return. */
  #inPlace(place: SessionPlace | undefined, handle: () => Observable<unknown>): Observable<unknown> {
    const currents = (this.#currents ??= this.#currentPlaces);
    if (place === undefined || currents.length === 0) return handle();
    return new Observable((subscriber) => enterEach(currents, place, () => handle().subscribe(subscriber)));
  }

  /** None in an application without sessions, which may share a class, and with it the interceptor, with one that has them. */
  get #currentPlaces(): CurrentPlace[] {
    const all = [...this.#modules.values()].map(({ providers }) => providers.get(CurrentPlace)?.instance);
    return all.filter((place): place is CurrentPlace => place instanceof CurrentPlace && place.isOn);
  }

  #serviceOf(name: string): SessionService {
    return this.#moduleRef.get<SessionService>(getSessionServiceToken(name), { strict: false });
  }
}

type HttpArgumentsHost = ReturnType<ExecutionContext['switchToHttp']>;

/** The same values and the same end, but the end waits for the save. */
function committed(source: Observable<unknown>, http: HttpArgumentsHost, respondsItself: boolean): Observable<unknown> {
  const request = http.getRequest<AnyRequest>();
  return new Observable((subscriber) =>
    source.subscribe({
      next: (value) => subscriber.next(value),
      complete: () => {
        const slot = RequestSlot.find({ request });
        if (slot === undefined || respondsItself) return subscriber.complete();
        const saving = slot.commit();
        if (saving === undefined) return subscriber.complete();
        saving.then(
          () => subscriber.complete(),
          (error: unknown) => subscriber.error(error),
        );
      },
      error: (error: unknown) => {
        RequestSlot.announceOutage(http.getResponse<AnyResponse>(), error);
        const slot = RequestSlot.find({ request });
        if (slot === undefined) return subscriber.error(error);
        void slot.commitAfterError(error).then(() => subscriber.error(error));
      },
    }),
  );
}

/** Runs a handler in the scope of its message. */
function inMessageScope(args: readonly unknown[], handle: () => Observable<unknown>): Observable<unknown> {
  return new Observable<unknown>((subscriber) => {
    const scope = new MessageScope(args);
    // Nest notes the scope in which `handle()` is called.
    return scope.run(() =>
      handle()
        .pipe(finalize(() => scope.end()))
        .subscribe(subscriber),
    );
  });
}

/** The same values, each after the save of what changed before it: a gateway sends each value when it comes. */
function committedMessage(source: Observable<unknown>, context: ExecutionContext): Observable<unknown> {
  return source.pipe(
    catchError(async (error: unknown) => {
      await findSlot(context)?.commitAfterError(error);
      throw error;
    }),
    concatMap((value) => {
      const saving = findSlot(context)?.settle();
      return saving === undefined ? of(value) : saving.then(() => value);
    }),
  );
}
