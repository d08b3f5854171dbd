import {
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  finalize,
  from,
  ignoreElements,
  Observable,
  of,
  takeWhile,
  type Subscriber,
} from 'rxjs';

import type { RequestSlot } from '../http/request-slot.js';

/** The handling of one message. */
export interface MessageHandling {
  /** Runs the handler, when it is subscribed to. */
  readonly run: () => Observable<unknown>;
  /** The slot with the sessions of the message, once it is there. */
  readonly slot: () => RequestSlot | undefined;
  /** Whether the handler returns a promise, or a value. An Observable may never end. */
  readonly settlesOnce: boolean;
}

/**
 * The values of a handler, each after the save of what it had changed by then: a gateway sends each when it comes. What it changed
 * after its last value is saved too, and so is what it changed before the client left.
 */
export function savedMessage({ run, slot, settlesOnce }: MessageHandling): Observable<unknown> {
  return new Observable((subscriber) => {
    const values = savedValues(run(), () => saveFor(subscriber, slot()), slot);
    let isDone = false;
    const subscription = values
      .pipe(
        takeWhile(() => !subscriber.closed),
        finalize(() => (isDone = true)),
      )
      .subscribe({
        next: (value) => subscriber.next(value),
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
    return () => {
      // A promise goes on without its client, and what it changes is saved, as over HTTP.
      if (isDone || settlesOnce) return;
      subscription.unsubscribe();
      void slot()?.commitAfterError(undefined);
    };
  });
}

function savedValues(
  source: Observable<unknown>,
  save: () => Promise<unknown> | undefined,
  slot: MessageHandling['slot'],
): Observable<unknown> {
  const handled = source.pipe(
    catchError(async (error: unknown) => {
      await slot()?.commitAfterError(error);
      throw error;
    }),
    concatMap((value) => {
      const saving = save();
      return saving === undefined ? of(value) : saving.then(() => value);
    }),
  );
  const atTheEnd = defer(() => {
    const saving = save();
    return saving === undefined ? EMPTY : from(saving).pipe(ignoreElements());
  });
  return concat(handled, atTheEnd).pipe(finalize(() => slot()?.afterEnd()));
}

/** A failure is an error of the message, or, once nothing waits for that, one for the log. */
function saveFor(subscriber: Subscriber<unknown>, slot: RequestSlot | undefined): Promise<unknown> | undefined {
  return subscriber.closed ? slot?.commitAfterError(undefined) : slot?.commit();
}
