import { Logger } from '@nestjs/common';

import type { EventHub } from '../engine/event-hub.js';
import type { SessionEvent } from '../engine/session-event.js';
import { GuardedObservable } from './guarded-observable.js';

/**
 * What happens to the sessions of the application, of all its SessionModules: an RxJS `Observable` to inject. Each event comes once, in
 * the process where it happened, after the store has answered and before the response leaves. The stream has no errors, and completes as
 * the application shuts down.
 *
 * A subscriber that throws or rejects harms no request and no other subscriber: its first error is logged. One that takes its time
 * before it returns delays the request.
 */
export class SessionEvents extends GuardedObservable<SessionEvent> {
  constructor(hub: EventHub) {
    super(logFailure, (subscriber) => hub.listen(subscriber));
  }
}

function logFailure(error: unknown): void {
  const cause = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  new Logger('SessionModule').error(`A subscriber of SessionEvents has failed. ${cause}`);
}
