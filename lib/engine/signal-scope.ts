/** What a signal is for: a response, or the connection that a message came on. A signal watches no longer than this is open. */
export interface SignalScope {
  /** The response or connection itself. All who ask for the signal of one session for one owner get the same signal. */
  readonly owner: object;
  readonly isClosed: boolean;
  /** Calls the listener once, when the owner closes. */
  onClose(listener: () => void): void;
}
