import type { SessionEndReason } from '../session.errors.js';

/** What a process tells the others when it has ended a session. It holds neither the id nor the key nor any data. */
export interface SessionEnding {
  /** The SHA-256 of the key of the record, in base64url: 43 characters; `'*'` for the sessions of all users. */
  readonly session: string;
  /** Why the session has ended. */
  readonly reason: SessionEndReason;
}

/** Who subscribes to a {@link SessionBus}. Its methods never throw. */
export interface SessionBusListener {
  /**
   * A process has ended a session. The listener looks at the record again, and takes only the reason from the message: what anybody
   * else may write on the bus ends no session.
   * @param ending the message. It may be anything, as other programs may write on the bus.
   */
  ended(ending: SessionEnding): void;
  /** Messages may have been lost: the bus has subscribed, for the first time or again after it lost its connection. */
  missed(): void;
  /** The bus could not subscribe, or has lost its connection. It goes on trying. The application gets a warning, once. */
  failed(error: unknown): void;
}

/**
 * Tells the processes of an application which sessions have ended, so that each can abort their `signal` at once. It stands beside
 * the store, and may lose messages: a session whose signal is in use is also read again within the option `recheck`.
 */
export interface SessionBus {
  /**
   * Sends a message to all that subscribe, in all processes; to those of this process or not. No request waits for it. If the promise
   * rejects, the application gets a warning, once.
   */
  publish(ending: SessionEnding): Promise<void>;

  /**
   * Has the listener called from now on, also after the connection broke and is back. Called when the first session of the process
   * is watched.
   * @returns ends the subscription.
   */
  subscribe(listener: SessionBusListener): () => void;
}

const METHODS: Readonly<Record<keyof SessionBus, true>> = { publish: true, subscribe: true };

/** The methods of every bus. */
export const BUS_METHODS: readonly string[] = Object.keys(METHODS);
