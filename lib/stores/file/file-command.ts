/** Milliseconds that a command of several calls may take. Each call has a deadline of its own, which is shorter. */
export const COMMAND_MS = 3000;

/** A command whose time is over. */
export class CommandTooLong extends Error {
  override readonly name = 'CommandTooLong';
}

/**
 * A command of several calls to the file system. Its time is longer than that of a call, because a process that has much else to do gets
 * from one call to the next late, though no call is slow.
 */
export class FileCommand {
  readonly #end = performance.now() + COMMAND_MS;

  /**
   * Called before a step that a command must not take whose time is over.
   * @throws {CommandTooLong} when it is over.
   */
  check(): void {
    if (performance.now() > this.#end) throw new CommandTooLong();
  }
}
