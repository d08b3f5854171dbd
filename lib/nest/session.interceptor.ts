import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';

import type { AnyRequest, AnyResponse } from '../http/any-request.js';
import { RequestSlot } from '../http/request-slot.js';
import { HandlerNeedsReader } from './handler-needs.js';
import { findPlace, isRootField } from './session-place.js';

/**
 * Saves the session once the handler has settled, with a value or an error, so that the exception filters see a save that fails.
 * The response hook saves in all other cases: guards that refuse, exception filters, `@Res()`, streams.
 *
 * The interceptor knows no options and keeps no state, so one instance may serve several applications.
 */
@Injectable()
export class SessionInterceptor implements NestInterceptor {
  readonly #needs = new HandlerNeedsReader();

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    switch (context.getType<string>()) {
      case 'http':
        return this.#interceptHttp(context, next);
      case 'graphql':
        // Many fields of one operation may be resolved at once: their middleware and the response hook save for all of them.
        return isRootField(context) ? saved(next.handle(), new ResolverSave(context)) : next.handle();
      default:
        return next.handle();
    }
  }

  #interceptHttp(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { isEventStream, respondsItself } = this.#needs.of(context);
    // An event stream settles when it ends, long after its head. A handler that sends the response itself may do so much later.
    if (isEventStream) return next.handle();
    return saved(next.handle(), new HttpSave(context, respondsItself));
  }
}

/** How the session of one handler is saved. */
interface HandlerSave {
  /** After a value. Nothing to wait for: `undefined`. */
  commit(): Promise<unknown> | undefined;
  /** After an error. Never rejects. */
  commitAfterError(error: unknown): Promise<void> | undefined;
}

/** The same values and the same end, but the end waits for the save. */
function saved(source: Observable<unknown>, save: HandlerSave): Observable<unknown> {
  return new Observable((subscriber) =>
    source.subscribe({
      next: (value) => subscriber.next(value),
      complete: () => {
        const saving = save.commit();
        if (saving === undefined) return subscriber.complete();
        saving.then(
          () => subscriber.complete(),
          (error: unknown) => subscriber.error(error),
        );
      },
      error: (error: unknown) => {
        const saving = save.commitAfterError(error);
        if (saving === undefined) return subscriber.error(error);
        void saving.then(() => subscriber.error(error));
      },
    }),
  );
}

class HttpSave implements HandlerSave {
  readonly #request: AnyRequest;
  readonly #response: AnyResponse;
  readonly #respondsItself: boolean;

  constructor(context: ExecutionContext, respondsItself: boolean) {
    const http = context.switchToHttp();
    this.#request = http.getRequest();
    this.#response = http.getResponse();
    this.#respondsItself = respondsItself;
  }

  commit(): Promise<unknown> | undefined {
    const slot = RequestSlot.find({ request: this.#request });
    return this.#respondsItself ? undefined : slot?.commit();
  }

  commitAfterError(error: unknown): Promise<void> | undefined {
    RequestSlot.announceOutage(this.#response, error);
    return RequestSlot.find({ request: this.#request })?.commitAfterError(error);
  }
}

class ResolverSave implements HandlerSave {
  readonly #context: ExecutionContext;

  constructor(context: ExecutionContext) {
    this.#context = context;
  }

  commit(): Promise<unknown> | undefined {
    return this.#slot?.settle();
  }

  commitAfterError(error: unknown): Promise<void> | undefined {
    return this.#slot?.commitAfterError(error);
  }

  get #slot(): RequestSlot | undefined {
    const place = findPlace(this.#context);
    return place && RequestSlot.find(place);
  }
}
