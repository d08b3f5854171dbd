import { Observable, type Observer, type Subscriber, type Subscription, type TeardownLogic } from 'rxjs';

/** Hears what a subscriber has thrown. */
type Report = (error: unknown) => void;

/**
 * An observable whose subscribers cannot end the process. RxJS throws again what a subscriber throws, where nothing can catch it, and
 * Node ends the process at the rejection of a subscriber that is an async function. This one reports the first error of each
 * subscriber. What `pipe` makes of it does so too.
 */
export class GuardedObservable<T> extends Observable<T> {
  readonly #report: Report;

  constructor(report: Report, subscribe?: (subscriber: Subscriber<T>) => TeardownLogic) {
    super(subscribe);
    this.#report = report;
  }

  // RxJS has each operator call this. Its Subject does the same.
  override lift<R>(operator?: Parameters<Observable<T>['lift']>[0]): Observable<R> {
    const lifted = new GuardedObservable<R>(this.#report);
    return Object.assign(lifted, { source: this, operator });
  }

  override subscribe(
    observerOrNext?: Partial<Observer<T>> | ((value: T) => void) | null,
    error?: ((error: unknown) => void) | null,
    complete?: (() => void) | null,
  ): Subscription {
    // An operator subscribes with an object that RxJS joins to the subscription, and hands its errors on.
    if (isSubscription(observerOrNext)) return super.subscribe(observerOrNext);
    const observer =
      typeof observerOrNext === 'object' && observerOrNext !== null
        ? observerOrNext
        : { next: observerOrNext, error, complete };
    return super.subscribe(guarded<T>(observer as Partial<Observer<T>>, once(this.#report)));
  }
}

function isSubscription(observer: unknown): observer is Subscriber<unknown> {
  return typeof (observer as { readonly add?: unknown } | null | undefined)?.add === 'function';
}

function guarded<T>(observer: Partial<Observer<T>>, report: Report): Observer<T> {
  const guard = (call: () => unknown): void => {
    try {
      const returned = call();
      if (returned instanceof Promise) returned.catch(report);
    } catch (error) {
      report(error);
    }
  };
  return {
    next: (value) => guard(() => observer.next?.(value)),
    error: (error: unknown) => guard(() => (observer.error ?? report).call(observer, error)),
    complete: () => guard(() => observer.complete?.()),
  };
}

function once(report: Report): Report {
  let hasReported = false;
  return (error) => {
    if (!hasReported) report(error);
    hasReported = true;
  };
}
