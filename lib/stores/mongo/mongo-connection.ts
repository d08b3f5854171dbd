import { SessionConfigurationError } from '../../session.errors.js';
import { loadDriver } from '../back-end.js';
import { checkSpelling } from '../own-options.js';
import { isClient, type OwnMongoClient } from './mongo-client.js';
import { hideText } from './mongo-errors.js';
import { MONGO_PLACE_OPTIONS, type MongoConnectOptions } from './mongo-options.js';

/**
 * The driver options of a client that the store makes. With the driver's own defaults a command waits half a minute for a server that is
 * down, and for ever for one that hangs. Times are milliseconds.
 */
export const MONGO_DEFAULTS = Object.freeze({
  /**
   * For the first connection, which the driver gives up and begins anew with the next command. Later commands wait until the store's
   * deadline.
   */
  serverSelectionTimeoutMS: 5000,
  /** To open a connection, and for the answer to the driver's own look at the server. */
  connectTimeoutMS: 2000,
  /** Drops a connection on which a command got no answer, where the driver does not when the store gives the command up. */
  socketTimeoutMS: 2000,
  /** Commands of a millisecond keep no more busy, and a burst need not open a hundred connections first. */
  maxPoolSize: 20,
  /** How often the driver looks at the server: it drops all connections at once when one that hangs does not answer that. */
  heartbeatFrequencyMS: 1000,
  /** Firewalls forget connections on which nothing was sent for minutes. */
  maxIdleTimeMS: 60_000,
});

/**
 * Makes a client that connects when it is used, so that an application starts while MongoDB is down.
 * @throws {SessionConfigurationError} when the driver is not installed, or the options are wrong.
 */
export async function openMongo(options: MongoConnectOptions): Promise<OwnMongoClient> {
  if (isClient(options)) {
    throw new SessionConfigurationError('mongo is a client: write { client }, or { url }.');
  }
  checkSpelling('mongo', options, ['url', 'client', ...MONGO_PLACE_OPTIONS]);
  const { url = 'mongodb://127.0.0.1:27017', client: _none, database: _database, collection: _name, ...own } = options;
  // Not quoted: the URL may hold a password.
  if (typeof url !== 'string' || !/^mongodb(?:\+srv)?:\/\/./.test(url)) {
    throw new SessionConfigurationError(
      'mongo.url: write mongodb://host:27017/database or mongodb+srv://host/database.',
    );
  }
  const { MongoClient } = await loadDriver('mongodb', () => import('mongodb'));
  try {
    return new MongoClient(url, { ...MONGO_DEFAULTS, ...own });
  } catch (cause) {
    hideText(cause, url);
    throw new SessionConfigurationError('mongo: the driver refused its URL or options; see the cause.', { cause });
  }
}
