import { Observable, type MonoTypeOperatorFunction } from 'rxjs';

/**
 * Ends an event stream when its session ends: `return this.prices.pipe(untilEnded(session))`. The stream completes, and the client
 * that reconnects meets the route's guard.
 *
 * It also ends a stream whose session has ended before Nest subscribes to it, as while an asynchronous handler runs. `takeUntil` with
 * `fromEvent` would miss that, because a signal tells of its abort only once.
 * @param session the session of the request that opens the stream.
 */
export function untilEnded<T>({ signal }: { readonly signal: AbortSignal }): MonoTypeOperatorFunction<T> {
  return (source) =>
    new Observable((subscriber) => {
      const end = (): void => subscriber.complete();
      if (signal.aborted) return end();
      signal.addEventListener('abort', end);
      subscriber.add(() => signal.removeEventListener('abort', end));
      source.subscribe(subscriber);
    });
}
