/**
 * What is known of each handler, worked out once. It tells classes apart, because one that inherits a handler may differ from
 * another one.
 */
export class HandlerCache<Controller extends object, Handler, Known> {
  readonly #known = new WeakMap<Controller, Map<Handler, Known>>();
  readonly #workOut: (controller: Controller, handler: Handler) => Known;

  constructor(workOut: (controller: Controller, handler: Handler) => Known) {
    this.#workOut = workOut;
  }

  of(controller: Controller, handler: Handler): Known {
    let handlers = this.#known.get(controller);
    if (handlers === undefined) this.#known.set(controller, (handlers = new Map<Handler, Known>()));
    let known = handlers.get(handler);
    if (known === undefined) handlers.set(handler, (known = this.#workOut(controller, handler)));
    return known;
  }
}
