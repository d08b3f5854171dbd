import { subscribe, unsubscribe } from 'node:diagnostics_channel';

import type {
  CommittedMeasurement,
  OpenedMeasurement,
  OutageMeasurement,
  StoreCommandMeasurement,
} from '../engine/measurements.js';
import type { SessionEvent } from '../engine/session-event.js';

/** What each channel carries, by its name without `nest-session:`. */
export type Messages = { readonly [Type in SessionEvent['type']]: Extract<SessionEvent, { readonly type: Type }> } & {
  readonly 'store-command': StoreCommandMeasurement;
  readonly opened: OpenedMeasurement;
  readonly committed: CommittedMeasurement;
  readonly 'outage-ended': OutageMeasurement;
};

/** Subscriptions to the channels of this library, which end together. */
export class ChannelSubscriptions {
  readonly #ends: (() => void)[] = [];

  on<Name extends keyof Messages>(name: Name, hear: (message: Messages[Name]) => void): void {
    const listener = (message: unknown): void => hear(message as Messages[Name]);
    subscribe(`nest-session:${name}`, listener);
    this.#ends.push(() => unsubscribe(`nest-session:${name}`, listener));
  }

  /** What to do when they end. */
  onEnd(end: () => void): void {
    this.#ends.push(end);
  }

  end(): void {
    for (const end of this.#ends.splice(0)) end();
  }
}
