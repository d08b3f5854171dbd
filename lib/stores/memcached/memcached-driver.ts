import { DEADLINE_MS } from '../back-end.js';
import type { FlaggedText } from './memcached-answers.js';
import { isMemcachedDriver, type DriverIssue, type DriverQuery, type MemcachedDriver } from './memcached-client.js';
import { dropConnection, MemcachedStream } from './memcached-stream.js';

/** The flags of a value that the driver stores as JSON: no text, no number and no Buffer. */
const JSON_FLAG = 2;
/** Marks a client that has been corrected, also for another copy of this library in the same process. */
const CORRECTED = Symbol.for('nest-session:memcached');

/**
 * Keeps a client from ending the process and from mixing answers up, and leaves all else as it is. A client of another package
 * stays as it is.
 */
export function keepSafe(client: object): void {
  if (!isMemcachedDriver(client) || CORRECTED in client) return;
  // A text flagged as JSON that is none would make the driver throw in the socket's event, which ends the process.
  correct(client, ({ flags, text }) => ({ text, flags: flags === JSON_FLAG && !isJson(text) ? 0 : flags }));
}

/**
 * Makes a client that the store made keep texts exactly as well: otherwise the driver puts a backslash before each line break, turns
 * values that another program flagged into something else than text, and reads `$$` in a key as `$`.
 */
export function keepExact(driver: MemcachedDriver): void {
  correct(driver, ({ text }) => ({ text: escapeLineBreaks(text), flags: 0 }));
  const command = driver.command;
  driver.command = (compile, server) => command.call(driver, (noreply) => exactQuery(compile(noreply)), server);
}

/**
 * Drops the connections whose oldest command is overdue. The server hangs, or a firewall forgot the connection, which then stays
 * open for a quarter of an hour; the next command opens another.
 */
export function dropOverdue(driver: MemcachedDriver): void {
  const due = Date.now() - DEADLINE_MS;
  for (const connections of Object.values(driver.connections)) {
    const overdue = connections.pool.filter(
      ({ metaData: [oldest] }) => oldest?.start !== undefined && oldest.start <= due,
    );
    for (const socket of overdue) connections.remove(socket, true);
  }
}

/**
 * Drops the connection of a client of yours on which the answer to this command has begun and does not end: the driver would take
 * the next answer for the rest of it. The client's other connections stay, because they are its owner's.
 * @param callback the callback of the command.
 */
export function dropUnfinished(client: object, callback: unknown): void {
  if (!isMemcachedDriver(client)) return;
  for (const { pool } of Object.values(client.connections)) {
    const unfinished = pool.filter(({ metaData: [oldest], bufferArray, responseBuffer }) => {
      return oldest?.callback === callback && (bufferArray.length > 0 || responseBuffer !== '');
    });
    for (const socket of unfinished) dropConnection(client, socket);
  }
}

function correct(driver: MemcachedDriver, rewrite: (value: FlaggedText) => FlaggedText): void {
  Object.defineProperty(driver, CORRECTED, { value: true });
  spawnNoPing(driver);
  MemcachedStream.readFrom(driver, rewrite);
}

/**
 * Keeps the driver from running the program `ping`, by which it finds out after two failures in one outage whether the host is
 * back. Most containers have no such program; the driver has no listener for the error of `spawn`, and the process ends:
 * https://github.com/3rd-Eden/memcached/issues/342. The next command finds out as well. For a client of yours the one difference
 * is that it does not emit 'reconnecting' and 'reconnect'.
 */
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

function exactQuery(query: DriverQuery): DriverQuery {
  // The driver's check of the key puts it into the command as a replacement pattern; the store has checked the key already.
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
