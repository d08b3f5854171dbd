import { DEADLINE_MS } from '../back-end.js';

/** The part of a `Pool` of `pg` by which a statement of one of its connections is cancelled. */
export interface CancellingPool {
  readonly options?: object;
  /** Makes a connection that is not open yet. */
  readonly Client?: new (options: object) => CancellingClient;
}

/** The part of an open connection of `pg` by which the server knows it. `pg-native` has none. */
export interface CancellableClient {
  readonly processID?: number | null;
  readonly secretKey?: unknown;
}

interface CancellingClient {
  readonly host: string;
  readonly port: number;
  readonly ssl: unknown;
  readonly connection?: Connection;
}

/** The protocol of a connection of `pg`, before it has signed in. */
interface Connection {
  readonly stream: { destroy(): void };
  readonly sslNegotiation?: string;
  connect(port: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: unknown): void;
  on(event: 'connect' | 'sslconnect' | 'error' | 'end', listener: () => void): unknown;
}

/** How often a statement is cancelled, at most: enough until a connection that hangs has left the pool. */
const REQUESTS = 10;
/** Milliseconds from one request to the next. */
const PAUSE_MS = 100;

/** A statement on a connection, which the server is to cancel when nobody waits for its answer any more. */
export class CancellableStatement {
  readonly #pool: CancellingPool;
  readonly #client: CancellableClient;
  #requests = 0;
  #hasEnded = false;

  constructor(pool: CancellingPool, client: CancellableClient) {
    this.#pool = pool;
    this.#client = client;
  }

  /** How many requests to cancel it were sent. One that was not needed could end the next statement of the connection. */
  get requests(): number {
    return this.#requests;
  }

  ended(): void {
    this.#hasEnded = true;
  }

  /** Sends requests until the statement ends. A single one does nothing while the statement waits in PgBouncer for a connection. */
  readonly cancel = (): void => {
    if (this.#hasEnded || this.#requests === REQUESTS) return;
    this.#requests++;
    requestCancel(this.#pool, this.#client, () => setTimeout(this.cancel, PAUSE_MS).unref());
  };
}

/**
 * Asks the server to cancel what a connection is doing, if anything. A connection that is closed does not end its statement: the server
 * goes on waiting for a lock, holds one of its few connections, and carries the statement out later. The request goes by a connection of
 * its own, which needs no password and is none of those that the server counts; PgBouncer passes it on. See
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-CANCELING-REQUESTS
 *
 * The cancelled statement fails with the state 57014, unless it ended before the request came.
 * @param onEnd called when the server has the request, or did not take it for a second.
 */
function requestCancel({ Client, options }: CancellingPool, target: CancellableClient, onEnd: () => void): void {
  const { processID, secretKey } = target;
  if (Client === undefined || options === undefined || typeof processID !== 'number') return;
  const { host, port, ssl, connection } = new Client(options);
  if (connection === undefined) return;
  const cancel = (): void => connection.cancel(processID, secretKey);
  const timer = setTimeout(() => connection.stream.destroy(), DEADLINE_MS);
  connection.on('error', () => {});
  connection.on('end', () => {
    clearTimeout(timer);
    onEnd();
  });
  connection.on('sslconnect', cancel);
  connection.on('connect', () => {
    if (!ssl) cancel();
    else if (connection.sslNegotiation !== 'direct') connection.requestSsl();
  });
  if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`);
  else connection.connect(port, host);
}
