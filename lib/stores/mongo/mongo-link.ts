import type { MongoSource } from './mongo-client.js';

/** The part of a client that opens it again. */
interface Connectable {
  connect(): Promise<unknown>;
}

/**
 * Connects a client again whose first connection failed: the driver then leaves it closed, and each command fails at once, whether the
 * server is up or not. A client that its owner has closed stays closed.
 */
export class MongoLink {
  readonly #client: Connectable | undefined;
  #mustConnect = false;
  #isFoundClosed = false;

  constructor(source: MongoSource) {
    this.#client = [source, (source as { client?: unknown }).client].find(isConnectable);
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
}

function isConnectable(value: unknown): value is Connectable {
  return typeof (Object(value) as Partial<Connectable>).connect === 'function';
}
