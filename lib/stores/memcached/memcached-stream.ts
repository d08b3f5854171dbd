import { isOutOfStep, latin1Of, takeAnswer, type FlaggedText } from './memcached-answers.js';
import type { MemcachedDriver, DriverQuery, DriverSocket } from './memcached-internals.js';

/**
 * Reads the answers to a client's commands by their bytes, and lets go of a connection as soon as an answer on it does not fit
 * the command that waits for it.
 *
 * The driver by itself decodes as UTF-8 what it receives, takes the first line after a VALUE header for the value, and gives each
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
   * From now on the client's connections are read this way, also those that are open already.
   * @param rewrite gives the value that the driver is to read.
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

  /** Not in the middle of an answer, where the decoder may hold half a character: there {@link #receive} waits for the line's end. */
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

  /** `false` when what came before has been decoded as UTF-8 and was none, so that its bytes are lost. */
  #readBytes(socket: DriverSocket): boolean {
    if (this.#byBytes.has(socket)) return true;
    this.#byBytes.add(socket);
    socket.setEncoding('latin1');
    if (socket.bufferArray.some((line) => line.includes('\ufffd'))) return false;
    socket.bufferArray = socket.bufferArray.map(latin1Of);
    return true;
  }

  /** `false` when there is no next one: more has to come first, or the connection is gone. */
  #answerOldest(socket: DriverSocket, lines: string[]): boolean {
    const [query] = socket.metaData;
    const answer = query ? takeAnswer(lines, query, this.#rewrite) : 'foreign';
    if (answer === 'unfinished') return false;
    const inStep = query !== undefined && answer !== 'foreign' && this.#handOver(socket, query, answer);
    if (!inStep) dropConnection(this.#driver, socket);
    return inStep;
  }

  /** Gives the driver one answer and the one command that it is for; `false` when the next answer may not be for the next one. */
  #handOver(socket: DriverSocket, query: DriverQuery, answer: string[]): boolean {
    const waiting = socket.metaData;
    const inStep = !isOutOfStep(answer, query);
    socket.bufferArray = answer;
    socket.metaData = [query];
    waiting.shift();
    try {
      this.#parse.call(this.#driver, socket);
    } finally {
      // What is there now: commands that a callback has sent.
      for (const sent of socket.metaData) waiting.push(sent);
      socket.metaData = waiting;
    }
    // The driver reads no answers that it does not know, and then keeps the command.
    return inStep && waiting.at(-1) !== query;
  }
}

/** Ends the connection, and with an error each command that waits on it: none may be answered with what is left there. */
export function dropConnection(driver: MemcachedDriver, socket: DriverSocket): void {
  const waiting = socket.metaData.splice(0);
  driver.connections[socket.serverAddress]?.remove(socket, true);
  socket.destroy();
  const error = new Error('The connection was dropped: what came over it was no answer to the command.');
  for (const query of waiting) {
    // Each in its own turn, as a callback that throws must not keep the others waiting.
    if (query.callback) process.nextTick(() => driver.delegateCallback(query, error, undefined, query.callback));
  }
}
