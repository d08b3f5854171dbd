import { Logger } from '@nestjs/common';

import { connectionGuardsOf } from './connection-guards.js';
import { closeClient, rememberHandshake } from './gateway-client.js';
import { UNKNOWN_ERROR } from './gateway-error.js';
import { HANDLE_CONNECTION } from './handler-methods.js';

/** What Nest passes: the client, and with ws the request. */
export type ConnectionArguments = readonly [client: object, ...others: unknown[]];

/** A new connection of a gateway. */
export interface NewConnection {
  readonly gateway: object;
  readonly args: ConnectionArguments;
  /** What the gateway itself does about it. */
  readonly handle: (...args: ConnectionArguments) => unknown;
}

/** The connections of one application, as the hook needs them. */
export interface HookedConnections {
  /** Whether the gateway is one of the application's. */
  has(connection: NewConnection): boolean;
  connect(connection: NewConnection): unknown;
}

interface Hooked {
  [HANDLE_CONNECTION]?: (this: object, ...args: ConnectionArguments) => unknown;
}

/** The gateways that have been told of a client, by the client. */
const TOLD = new WeakMap<object, WeakSet<object>>();

/** The applications that a class serves. There may be several in one process, and they may come and go. */
const APPLICATIONS = new WeakMap<object, Set<WeakRef<HookedConnections>>>();

/**
 * Has an application told of each connection of a gateway. Nest tells nothing but the gateway itself, runs neither guards nor
 * parameter decorators for it, and lets an error that it throws end the process. A client of ws has no other way to its request.
 * @param prototype that of the class. The instances are not there yet when Nest looks for the method.
 */
export function hookConnections(prototype: object, connections: HookedConnections): void {
  let applications = APPLICATIONS.get(prototype);
  if (applications === undefined) {
    APPLICATIONS.set(prototype, (applications = new Set()));
    hook(prototype);
  }
  for (const reference of applications) if (reference.deref() === undefined) applications.delete(reference);
  applications.add(new WeakRef(connections));
}

function hook(prototype: Hooked): void {
  const original = prototype[HANDLE_CONNECTION];
  function handleConnection(this: object, ...args: ConnectionArguments): unknown {
    const handle = (...given: ConnectionArguments): unknown => original?.call(this, ...given);
    const [client, request] = args;
    // A gateway that inherits from another one calls the method of that one for the same connection.
    if (isKnown(client, this)) return handle(...args);
    rememberHandshake(client, request);
    const connection = { gateway: this, args, handle };
    const connections = connectionsFor(prototype, connection);
    return connections === undefined ? handleUnknown(connection) : connections.connect(connection);
  }
  for (const key of original === undefined ? [] : Reflect.getMetadataKeys(original)) {
    Reflect.defineMetadata(key, Reflect.getMetadata(key, original as object), handleConnection);
  }
  Object.defineProperty(prototype, HANDLE_CONNECTION, { value: handleConnection, writable: true, configurable: true });
}

/** Notes that a gateway has been told of a client. */
function isKnown(client: object, gateway: object): boolean {
  let gateways = TOLD.get(client);
  if (gateways === undefined) TOLD.set(client, (gateways = new WeakSet()));
  if (gateways.has(gateway)) return true;
  gateways.add(gateway);
  return false;
}

/** Those of the application that the gateway belongs to; `undefined` for one without SessionModule, which may share the class. */
function connectionsFor(prototype: object, connection: NewConnection): HookedConnections | undefined {
  for (const reference of APPLICATIONS.get(prototype) ?? []) {
    const connections = reference.deref();
    if (connections?.has(connection) === true) return connections;
  }
  return undefined;
}

/** Handles a connection of no application that is known, such as that of an instrumented gateway: guards cannot be run for it. */
function handleUnknown({ gateway, args, handle }: NewConnection): unknown {
  if (connectionGuardsOf(gateway.constructor).length === 0) return handle(...args);
  new Logger('SessionModule').error(
    `The guards of ${gateway.constructor.name}.handleConnection cannot be run, as the gateway is one of no application with a SessionModule.`,
  );
  return closeClient(args[0], UNKNOWN_ERROR);
}
