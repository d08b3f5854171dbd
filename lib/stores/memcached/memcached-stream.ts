import { isOutOfStep, latin1Of, takeAnswer, type FlaggedText } from './memcached-answers.js';
import type { DriverQuery, DriverSocket, MemcachedDriver } from './memcached-client.js';

/**
 * Reads the answers to a client's commands by their bytes, and drops a connection as soon as an answer on it does not fit the
 * command that waits for it.
 *
 * The driver alone decodes what it receives as UTF-8, takes the first line after a VALUE header for the value, and gives each
 * answer to the oldest command. A value that another program wrote, with line breaks or in another encoding, would leave
 * lines behind, and each of them would answer a command of another user.
 */
export class MemcachedStream {
  readonly #driver: MemcachedDriver;
  readonly #parse: MemcachedDriver['rawDataReceived'];
  readonly #rewrite: (value: FlaggedText) => FlaggedText;
  readonly #byBytes = new WeakSet<DriverSocket>();

  private constructor(driver: MemcachedDriver, rewrite: (value: FlaggedText) => FlaggedText) {
    this.#driver = driver;
    this.#parse = driver.rawDataReceived;
    this.#rewrite = rewrite;
  }

  /**
   * Reads the client's connections this way from now on, including those that are already open.
   * @param rewrite returns the value that the driver then reads.
   */
  static readFrom(driver: MemcachedDriver, rewrite: (value: FlaggedText) => FlaggedText): void {
    const stream = new MemcachedStream(driver, rewrite);
    const connect = driver.connect;
    for (const { pool } of Object.values(driver.connections)) pool.forEach((socket) => stream.#prepare(socket));
    driver.connect = (server, done) =>
      connect.call(driver, server, (error, socket) => {
        if (socket && !error) stream.#prepare(socket);
        done(error, socket);
      });
    driver.rawDataReceived = (socket) => stream.#receive(socket);
  }

  /** Does nothing in the middle of an answer, where the decoder may hold half a character: {@link #receive} then waits for the line's end. */
  #prepare(socket: DriverSocket): void {
    const { metaData, bufferArray, responseBuffer } = socket;
    if (metaData.length === 0 && bufferArray.length === 0 && responseBuffer === '') this.#readBytes(socket);
  }

  #receive(socket: DriverSocket): void {
    if (!this.#readBytes(socket)) return dropConnection(this.#driver, socket);
    const lines = socket.bufferArray;
    try {
      while (lines.length > 0 && this.#answerOldest(socket, lines));
    } finally {
      socket.bufferArray = lines;
    }
  }

  /** @returns `false` when the lines so far were decoded as UTF-8 but are not, so that their bytes are lost. */
  #readBytes(socket: DriverSocket): boolean {
    if (this.#byBytes.has(socket)) return true;
    this.#byBytes.add(socket);
    socket.setEncoding('latin1');
    if (socket.bufferArray.some((line) => line.includes('\ufffd'))) return false;
    socket.bufferArray = socket.bufferArray.map(latin1Of);
    return true;
  }

  /** @returns `false` when the next answer cannot be read: it has not come in full, or the connection is gone. */
  #answerOldest(socket: DriverSocket, lines: string[]): boolean {
    const [query] = socket.metaData;
    const answer = query ? takeAnswer(lines, query, this.#rewrite) : 'mismatch';
    if (answer === 'unfinished') return false;
    const inStep = query !== undefined && answer !== 'mismatch' && this.#handOver(socket, query, answer);
    if (!inStep) dropConnection(this.#driver, socket);
    return inStep;
  }

  /**
   * Gives the driver one answer and the one command that it is for.
   * @returns `false` when the next answer may not be for the next command.
   */
  #handOver(socket: DriverSocket, query: DriverQuery, answer: string[]): boolean {
    const waiting = socket.metaData;
    const inStep = !isOutOfStep(answer, query);
    socket.bufferArray = answer;
    socket.metaData = [query];
    waiting.shift();
    try {
      this.#parse.call(this.#driver, socket);
    } finally {
      // These are the commands that a callback has sent.
      for (const sent of socket.metaData) waiting.push(sent);
      socket.metaData = waiting;
    }
    // The driver keeps the command when it does not know its answer.
    return inStep && waiting.at(-1) !== query;
  }
}

/** Ends the connection, and rejects each command that waits on it: none may get an answer that is left there. */
export function dropConnection(driver: MemcachedDriver, socket: DriverSocket): void {
  const waiting = socket.metaData.splice(0);
  driver.connections[socket.serverAddress]?.remove(socket, true);
  socket.destroy();
  const error = new Error('The connection was dropped: the answer on it did not fit the command.');
  for (const query of waiting) {
    // Each in a tick of its own: a callback that throws must not keep the others waiting.
    if (query.callback) process.nextTick(() => driver.delegateCallback(query, error, undefined, query.callback));
  }
}
