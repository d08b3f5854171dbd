import { channel, type Channel } from 'node:diagnostics_channel';

import type { SessionEvent } from './session-event.js';

export type EventType = SessionEvent['type'];

/** The channels of Node's `diagnostics_channel` on which each event is published. Held here, as Node drops a channel that nothing holds. */
const CHANNELS: Readonly<Record<EventType, Channel>> = {
  created: channel('nest-session:created'),
  'signed-in': channel('nest-session:signed-in'),
  'signed-out': channel('nest-session:signed-out'),
  regenerated: channel('nest-session:regenerated'),
  ended: channel('nest-session:ended'),
  refused: channel('nest-session:refused'),
  conflict: channel('nest-session:conflict'),
  outage: channel('nest-session:outage'),
  recovered: channel('nest-session:recovered'),
};

/** Gets the events. Neither method may throw. */
export interface EventListener {
  next(event: SessionEvent): void;
  /** No event follows. */
  complete(): void;
}

/** Takes the events of all SessionModules of one application to those who listen. */
export class EventHub {
  readonly #listeners = new Set<EventListener>();
  #isClosed = false;

  /** Whether anything listens to events of this type. Where nothing does, none is made. */
  wants(type: EventType): boolean {
    return !this.#isClosed && (this.#listeners.size > 0 || CHANNELS[type].hasSubscribers);
  }

  /**
   * Adds a listener.
   * @returns a function that removes it.
   */
  listen(listener: EventListener): () => void {
    if (this.#isClosed) listener.complete();
    else this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  publish(event: SessionEvent): void {
    Object.freeze(event);
    // A listener may remove another one. One that it adds hears the next event.
    const listeners = [...this.#listeners];
    for (const listener of listeners) if (this.#listeners.has(listener)) listener.next(event);
    CHANNELS[event.type].publish(event);
  }

  /** Tells the listeners that no event follows, and publishes none from here on. */
  close(): void {
    this.#isClosed = true;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener.complete();
  }
}
