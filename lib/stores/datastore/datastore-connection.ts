import { SessionConfigurationError } from '../../session.errors.js';
import { loadDriver } from '../back-end.js';
import type { DatastoreClient } from './datastore-client.js';
import { DATASTORE_DEFAULTS, type DatastoreConnectOptions } from './datastore-options.js';

/** Milliseconds after which a connection that has never answered is given up. It loads its API and its credentials first. */
const PATIENCE_MS = 5000;

/** A client that the store made, and therefore ends. */
export interface OwnDatastoreClient extends DatastoreClient {
  /** The connections that the client has opened, by the name of the API. It opens one with the first request that needs it. */
  readonly clients_: Map<string, { close(): unknown }>;
}

/**
 * Makes a client. It connects with the first command, so that an application starts while Datastore is out of reach.
 * @throws {SessionConfigurationError} when the driver is not installed, or refuses its options.
 */
export async function openDatastore(options: Omit<DatastoreConnectOptions, 'kind'>): Promise<OwnDatastoreClient> {
  const { Datastore } = await loadDriver('@google-cloud/datastore', () => import('@google-cloud/datastore'));
  // Those of gRPC are for the connection, and not among the types of the client.
  const settings: object = { ...DATASTORE_DEFAULTS, ...options };
  try {
    return new Datastore(settings);
  } catch (cause) {
    const message = 'datastore: @google-cloud/datastore refused its options; see the cause.';
    throw new SessionConfigurationError(message, { cause });
  }
}

/** The connection to Datastore: of a client of yours, or of one that the store made and may therefore open anew. */
export class DatastoreConnection {
  readonly client: DatastoreClient;
  readonly #own: OwnDatastoreClient | undefined;
  #answers = 0;
  #openedAt = performance.now();

  private constructor(client: DatastoreClient, own?: OwnDatastoreClient) {
    this.client = client;
    this.#own = own;
  }

  static ofYours(client: DatastoreClient): DatastoreConnection {
    return new DatastoreConnection(client);
  }

  static ofOurOwn(client: OwnDatastoreClient): DatastoreConnection {
    return new DatastoreConnection(client, client);
  }

  /** How many answers have come over it since it was opened. */
  get answers(): number {
    return this.#answers;
  }

  readonly heard = (): void => {
    this.#answers++;
  };

  /**
   * Opens a connection of our own anew, if nothing has come over it since a command was sent that is late now: one that a firewall
   * forgot stays open for a quarter of an hour.
   * @param answersBefore {@link answers} when the command was sent.
   */
  giveUp(answersBefore: number): void {
    const isSilent = answersBefore > 0 && this.#answers === answersBefore;
    const isStuck = this.#answers === 0 && performance.now() - this.#openedAt > PATIENCE_MS;
    if (isSilent || isStuck) void this.close();
  }

  /** Closes a connection of our own. The next command opens another one. Leaves that of a client of yours open. */
  async close(): Promise<void> {
    if (this.#own === undefined) return;
    const connections = [...this.#own.clients_.values()];
    this.#own.clients_.clear();
    this.#answers = 0;
    this.#openedAt = performance.now();
    // One that never came to be has nothing to close.
    await Promise.allSettled(connections.map(async (connection) => connection.close()));
  }
}
