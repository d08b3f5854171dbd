import { ConnectionErrors } from '../connection-errors.js';
import type { MongoSource } from './mongo-client.js';

/** The part of a client that opens it again, and that tells how the driver's own looks at the servers end. */
interface Connectable {
  connect(): Promise<unknown>;
  on(event: 'serverHeartbeatFailed', listener: (event: HeartbeatFailed) => void): unknown;
  on(event: 'serverHeartbeatSucceeded', listener: () => void): unknown;
  off(event: string, listener: unknown): unknown;
}

interface HeartbeatFailed {
  readonly failure: unknown;
}

/**
 * Connects a client again whose first connection failed: the driver then leaves it closed, and each command fails at once, whether the
 * server is up or not. A client that its owner has closed stays closed.
 */
export class MongoLink {
  /** Why there is no connection. */
  readonly errors = new ConnectionErrors();
  readonly #client: Connectable | undefined;
  #mustConnect = false;
  #isFoundClosed = false;

  constructor(source: MongoSource) {
    this.#client = [source, (source as { client?: unknown }).client].find(isConnectable);
    this.#client?.on('serverHeartbeatFailed', this.#note);
    this.#client?.on('serverHeartbeatSucceeded', this.errors.clear);
  }

  /** Whether the next command has to wait for {@link connect}. */
  get isCut(): boolean {
    return this.#mustConnect && this.#client !== undefined;
  }

  /** Does nothing where the client is connected. All that call it meanwhile wait for the same attempt. */
  async connect(): Promise<void> {
    this.#mustConnect = true;
    await this.#client?.connect();
    this.#mustConnect = false;
  }

  /** Notes how commands fail that are sent from here on. */
  watch(): (error: unknown) => void {
    const wasFoundClosed = this.#isFoundClosed;
    return (error) => {
      const name = error instanceof Error ? error.name : undefined;
      // Also the error of commands under way while the owner closes the client; those that come later get another one.
      const isClosed = name === 'MongoTopologyClosedError';
      if (name === 'MongoServerSelectionError' || (isClosed && wasFoundClosed)) this.#mustConnect = true;
      this.#isFoundClosed = isClosed;
    };
  }

  /** Removes the listeners. */
  stop(): void {
    this.#client?.off('serverHeartbeatFailed', this.#note);
    this.#client?.off('serverHeartbeatSucceeded', this.errors.clear);
  }

  readonly #note = ({ failure }: HeartbeatFailed): void => this.errors.note(failure);
}

function isConnectable(value: unknown): value is Connectable {
  const { connect, on, off } = Object(value) as Partial<Connectable>;
  return [connect, on, off].every((method) => typeof method === 'function');
}
