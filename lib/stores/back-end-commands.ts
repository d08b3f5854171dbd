import { commandError, DEADLINE_MS, timeoutError, type BackEnd } from './back-end.js';
import type { ConnectionErrors } from './connection-errors.js';
import { DeadlineQueue, type Place, type WaitingCommand } from './deadline-queue.js';

/** The commands of one store, each of which gets its answer within {@link DEADLINE_MS}, or an error. */
export class BackEndCommands {
  readonly #backEnd: BackEnd;
  readonly #connection: ConnectionErrors | undefined;
  readonly #deadlines = new DeadlineQueue(DEADLINE_MS);

  /** @param connection knows why there is no connection. Absent: the driver's errors say it themselves. */
  constructor(backEnd: BackEnd, connection?: ConnectionErrors) {
    this.#backEnd = backEnd;
    this.#connection = connection;
  }

  /**
   * The back-end's answer to one command. A command that is late may still be carried out.
   * @param send sends the command, and reports how it ended.
   * @param onLate called when the deadline has passed, before the promise rejects.
   * @throws {SessionStoreError} when the driver gives up, with the driver's error as `cause`; when no answer came within
   * {@link DEADLINE_MS}, with the reason why there is no connection as `cause`, where there is none. The promise rejects with it.
   */
  ask<Answer>(send: (command: CommandUnderWay<Answer>) => void, onLate?: () => void): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const [backEnd, connection, deadlines] = [this.#backEnd, this.#connection, this.#deadlines];
      const options = { backEnd, connection, deadlines, resolve, reject, onLate };
      const command = new CommandUnderWay<Answer>(options);
      try {
        send(command);
      } catch (error) {
        command.failed(error);
      }
    });
  }

  /** Ends a client after the answers to its commands. A server that is down or hangs does not answer that: it has a deadline too. */
  async endClient(end: () => Promise<unknown>): Promise<void> {
    await this.ended();
    await this.ask(({ answered, failed }) => void end().then(answered, failed)).catch(() => {});
  }

  /** Waits until no command is under way. */
  ended(): Promise<void> {
    return this.#deadlines.empty();
  }
}

interface CommandOptions<Answer> {
  readonly backEnd: BackEnd;
  readonly connection: ConnectionErrors | undefined;
  readonly deadlines: DeadlineQueue;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
  readonly onLate: (() => void) | undefined;
}

/** A command that was sent. The first of an answer, an error and the deadline ends it. */
export class CommandUnderWay<Answer> implements WaitingCommand {
  readonly #options: CommandOptions<Answer>;
  #place: Place | undefined;

  constructor(options: CommandOptions<Answer>) {
    this.#options = options;
    this.#place = options.deadlines.enter(this);
  }

  /** Whether the command has ended: nothing waits for its answer any more. */
  get hasEnded(): boolean {
    return this.#place === undefined;
  }

  /** The back-end has answered. */
  readonly answered = (answer: Answer): void => {
    // Not every driver tells when it is connected again.
    this.#options.connection?.clear();
    if (this.#end()) this.#options.resolve(answer);
  };

  /** The driver has given the command up, with anything for an error. */
  readonly failed = (error: unknown): void => {
    if (!this.#end()) return;
    const { backEnd, connection, reject } = this.#options;
    if (!backEnd.isRefusal(error)) connection?.explain(error);
    reject(commandError(backEnd, error));
  };

  /** The deadline has passed, and the queue has removed the command. */
  expire(): void {
    const { backEnd, connection, reject, onLate } = this.#options;
    this.#place = undefined;
    onLate?.();
    reject(timeoutError(backEnd, `did not answer within ${DEADLINE_MS} ms`, connection?.last));
  }

  #end(): boolean {
    if (this.#place === undefined) return false;
    this.#options.deadlines.leave(this.#place);
    this.#place = undefined;
    return true;
  }
}
