import { SessionConfigurationError } from '../../session.errors.js';
import { loadDriver } from '../back-end.js';
import type { DatastoreClient } from './datastore-client.js';
import { DATASTORE_DEFAULTS, type DatastoreConnectOptions } from './datastore-options.js';

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
    throw new SessionConfigurationError('datastore: @google-cloud/datastore refused its options; see the cause.', {
      cause,
    });
  }
}

/** Closes the connections of a client of our own. The next command opens another one. Commands under way go on. */
export async function closeConnections(client: OwnDatastoreClient): Promise<void> {
  const connections = [...client.clients_.values()];
  client.clients_.clear();
  // One that never came to be has nothing to close.
  await Promise.allSettled(connections.map(async (connection) => connection.close()));
}
