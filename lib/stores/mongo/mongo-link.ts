import { ConnectionErrors } from '../connection-errors.js';
import type { MongoSource } from './mongo-client.js';

/** The part of a client that opens it again, and that tells how the driver's own looks at the servers end. */
interface Connectable {
  connect(): Promise<unknown>;
  on(event: 'serverHeartbeatFailed', listener: (event: HeartbeatFailed) => void): unknown;
  on(event: 'serverHeartbeatSucceeded', listener: () => void): unknown;
  off(event: string, listener: unknown): unknown;
  /** The state of the driver's client. It tells in no other way that `close` was called, and refuses by it to connect by itself. */
  readonly s?: { readonly hasBeenClosed?: unknown };
}

interface HeartbeatFailed {
  readonly failure: unknown;
}

/** Errors of commands after which the client may be closed, without its owner having closed it. */
const CUT: readonly unknown[] = ['MongoServerSelectionError', 'MongoTopologyClosedError'];

/**
 * Connects a client again whose first connection failed: the driver then leaves it closed, and each command fails at once, whether the
 * server is up or not. A client that its owner has closed stays closed.
 */
export class MongoLink {
  /** Why there is no connection. */
  readonly errors = new ConnectionErrors();
  readonly #client: Connectable | undefined;
  #mustConnect = false;

  constructor(source: MongoSource) {
    this.#client = [source, (source as { client?: unknown }).client].find(isConnectable);
    this.#client?.on('serverHeartbeatFailed', this.#note);
    this.#client?.on('serverHeartbeatSucceeded', this.errors.clear);
  }

  /** Whether the next command has to wait for {@link connect}. */
  get isCut(): boolean {
    return this.#mustConnect && this.#client !== undefined && this.#client.s?.hasBeenClosed !== true;
  }

  /** Does nothing where the client is connected. All that call it meanwhile wait for the same attempt. */
  async connect(): Promise<void> {
    this.#mustConnect = true;
    await this.#client?.connect();
    this.#mustConnect = false;
  }

  /** Notes how a command has failed. */
  readonly failed = (error: unknown): void => {
    if (error instanceof Error && CUT.includes(error.name)) this.#mustConnect = true;
  };

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
