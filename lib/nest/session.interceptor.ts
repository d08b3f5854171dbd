import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';

import type { AnyRequest, AnyResponse } from '../http/any-request.js';
import { RequestSlot } from '../http/request-slot.js';
import { HandlerNeedsReader } from './handler-needs.js';

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
    if (context.getType() !== 'http') return next.handle();
    const { isEventStream, respondsItself } = this.#needs.of(context);
    // An event stream settles when it ends, long after its head. A handler that sends the response itself may do so much later.
    if (isEventStream) return next.handle();
    return committed(next.handle(), context.switchToHttp(), respondsItself);
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
