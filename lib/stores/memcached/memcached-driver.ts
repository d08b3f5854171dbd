import { DEADLINE_MS } from '../deadline.js';
import type { FlaggedText } from './memcached-answers.js';
import { isMemcachedDriver, type DriverIssue, type DriverQuery, type MemcachedDriver } from './memcached-internals.js';
import { dropConnection, MemcachedStream } from './memcached-stream.js';

/** The flags under which the driver stores what is no text, no number and no Buffer. */
const JSON_FLAG = 2;
/** The mark of a client that has been put right, for another copy of this library in the same process as well. */
const PUT_RIGHT = Symbol.for('nest-session:memcached');

/**
 * Keeps a client from ending the process and from mixing answers up; all else is left as it is. A client of another make is
 * left alone.
 */
export function keepSafe(client: object): void {
  if (!isMemcachedDriver(client) || PUT_RIGHT in client) return;
  // A text flagged as JSON that is none would throw out of the socket's event, where only the end of the process waits.
  putRight(client, ({ flags, text }) => ({ text, flags: flags === JSON_FLAG && !isJson(text) ? 0 : flags }));
}

/**
 * Makes a client of our own keep texts exactly as well: the driver would put a backslash before each line break, give values
 * that another program flagged as something else than text, and read `$$` in a key as `$`.
 */
export function keepExact(driver: MemcachedDriver): void {
  putRight(driver, ({ text }) => ({ text: escapeLineBreaks(text), flags: 0 }));
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
    const overdue = connections.pool.filter(
      ({ metaData: [oldest] }) => oldest?.start !== undefined && oldest.start <= due,
    );
    for (const socket of overdue) connections.remove(socket, true);
  }
}

/**
 * Drops the connection of a client of yours on which the answer to this command has begun and does not end: what follows there
 * would be taken for the rest of it. All other connections of it are its owner's affair.
 * @param callback the one that the command was sent with.
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

function putRight(driver: MemcachedDriver, rewrite: (value: FlaggedText) => FlaggedText): void {
  Object.defineProperty(driver, PUT_RIGHT, { value: true });
  spawnNoPing(driver);
  MemcachedStream.readFrom(driver, rewrite);
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
