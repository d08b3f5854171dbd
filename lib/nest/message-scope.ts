import { AsyncLocalStorage } from 'node:async_hooks';

const scopes = new AsyncLocalStorage<MessageScope>();
let running = 0;

/**
 * What a gateway does for one message, or for one new connection. Nest gives the guards and the interceptors of a message one array
 * of arguments, its parameters another one and a handler the client alone, and nothing else tells that they stand for one message.
 */
export class MessageScope {
  /** The arguments that Nest gives the guards and interceptors, the client first. The array stands for the message. */
  readonly args: readonly unknown[];
  #isOver = false;

  /** The scope that the running code belongs to, unless that is over: what a handler has started may go on for days. */
  static get current(): MessageScope | undefined {
    const scope = running === 0 ? undefined : scopes.getStore();
    return scope === undefined || scope.#isOver ? undefined : scope;
  }

  constructor(args: readonly unknown[]) {
    this.args = args;
    running++;
  }

  run<R>(fn: () => R): R {
    return scopes.run(this, fn);
  }

  /** The message is done. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    // On Node 20 and 22 each `await` of the process costs more while a storage is enabled.
    if (--running === 0) scopes.disable();
  }
}

/**
 * The object that stands for the message for which the code now runs; `undefined` when it runs for none, or for that of another
 * client.
 * @param isOurs whether a client is the one that is meant.
 */
export function messageOf(isOurs: (client: object) => boolean): object | undefined {
  const args = MessageScope.current?.args;
  return args !== undefined && isOurs(args[0] as object) ? args : undefined;
}
