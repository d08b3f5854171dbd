import { DEADLINE_MS } from './deadline.js';
import { takeAnswers } from './memcached-answers.js';

/** The inside of the `memcached` driver, 2.2, as far as it has to be put right. */
export interface MemcachedDriver {
  on(event: 'issue', listener: (issue: { server: string }) => void): unknown;
  end(): void;
  command(compile: (noreply?: boolean) => DriverQuery, server?: string): void;
  rawDataReceived(socket: DriverSocket): void;
  readonly issues: Record<string, DriverIssue>;
  readonly connections: Record<string, DriverPool>;
}

interface DriverIssue {
  attemptReconnect: () => void;
  failed: boolean;
  locked: boolean;
  isScheduledToReconnect: boolean;
  failures: number;
  readonly config: { readonly failures: number };
  readonly messages: unknown[];
}

interface DriverPool {
  readonly pool: readonly DriverSocket[];
  remove(socket: DriverSocket, hard: boolean): void;
}

interface DriverSocket {
  bufferArray: string[];
  readonly metaData: readonly { readonly start: number }[];
}

interface DriverQuery {
  readonly type: string;
  readonly key: string;
  readonly value?: string;
  readonly lifetime?: number;
  readonly cas?: string;
  command: string;
  validate?: unknown;
}

const adopted = new WeakSet<object>();

/**
 * Keeps a client from ending the process; whatever does not do that is left as it is. A client of another make is left alone.
 */
export function keepFromCrashing(client: object): void {
  if (!isDriver(client) || adopted.has(client)) return;
  adopted.add(client);
  spawnNoPing(client);
  readWholeAnswers(
    client,
    (flags, text) => (flags === '2' && !isJson(text) ? '0' : flags),
    (text) => text,
  );
}

/**
 * Makes a client of our own keep texts exactly: the driver would put a backslash before each line break, give values that
 * another program flagged as something else than text, and read `$$` in a key as `$`.
 */
export function keepExact(driver: MemcachedDriver): void {
  adopted.add(driver);
  spawnNoPing(driver);
  readWholeAnswers(driver, () => '0', escapeLineBreaks);
  const command = driver.command;
  driver.command = (compile, server) => command.call(driver, (noreply) => exactQuery(compile(noreply)), server);
}

/**
 * Drops the connections on which the oldest command is overdue. Its server hangs, or a firewall forgot the connection, which
 * then stays open for a quarter of an hour; the next command opens another.
 */
export function dropOverdue(driver: MemcachedDriver): void {
  const due = Date.now() - DEADLINE_MS;
  for (const connections of Object.values(driver.connections)) {
    const overdue = connections.pool.filter(({ metaData: [oldest] }) => oldest && oldest.start <= due);
    for (const socket of overdue) connections.remove(socket, true);
  }
}

// After two failures in one outage the driver looks with the program `ping` whether the host is back. Where there is no such
// program, as in most containers, nobody listens to the error of `spawn`, and the process ends:
// https://github.com/3rd-Eden/memcached/issues/342. The next command is as good a way to find out. All that a client of yours
// shows of it is that 'reconnecting' and 'reconnect' are not announced.
function spawnNoPing(driver: MemcachedDriver): void {
  Object.values(driver.issues).forEach(forgiveLater);
  driver.on('issue', ({ server }) => forgiveLater(driver.issues[server]));
}

function forgiveLater(issue: DriverIssue | undefined): void {
  if (issue) issue.attemptReconnect = () => forgive(issue);
}

function forgive(issue: DriverIssue): void {
  issue.failed = false;
  issue.locked = false;
  issue.isScheduledToReconnect = false;
  issue.failures = issue.config.failures;
  issue.messages.length = 0;
}

// The driver splits what it receives at line breaks and takes the first line after a VALUE header for the value. A value that
// another program wrote with line breaks in it would leave the rest behind, and every later answer on that connection with it;
// one flagged as JSON (2) that is none throws out of the socket's event, where only the end of the process waits.
function readWholeAnswers(
  driver: MemcachedDriver,
  flagsOf: (flags: string, text: string) => string,
  textOf: (text: string) => string,
): void {
  const parse = driver.rawDataReceived;
  driver.rawDataReceived = (socket) => {
    const lines = socket.bufferArray;
    socket.bufferArray = takeAnswers(lines, ({ key, flags, rest }, text) => [
      `VALUE ${key} ${flagsOf(flags, text)} ${rest}`,
      textOf(text),
    ]);
    try {
      parse.call(driver, socket);
    } finally {
      socket.bufferArray.push(...lines);
    }
  };
}

function exactQuery(query: DriverQuery): DriverQuery {
  // The check of the key puts it into the command as a replacement pattern; the store has checked it already.
  query.validate = undefined;
  if (query.value === undefined) return query;
  const value = unescapeLineBreaks(query.value);
  const head = [query.type, query.key, 0, query.lifetime, Buffer.byteLength(value)];
  if (query.cas) head.push(query.cas);
  query.command = `${head.join(' ')}\r\n${value}`;
  return query;
}

function escapeLineBreaks(text: string): string {
  return text.replace(/[\r\n]/g, '\\$&');
}

function unescapeLineBreaks(text: string): string {
  return text.replace(/\\([\r\n])/g, '$1');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(unescapeLineBreaks(text));
    return true;
  } catch {
    return false;
  }
}

function isDriver(client: object): client is MemcachedDriver {
  const { on, rawDataReceived, issues } = client as Partial<MemcachedDriver>;
  return typeof on === 'function' && typeof rawDataReceived === 'function' && typeof issues === 'object';
}
