import { Logger } from '@nestjs/common';
import { ContextIdFactory, type ModulesContainer } from '@nestjs/core';

import { isReported, SessionConfigurationError, SessionEndedError, SessionError } from '../session.errors.js';
import { admit } from './admission.js';
import type { ModuleSessions } from './application-sessions.js';
import { connectionContext } from './connection-context.js';
import { connectionGuardsOf, passGuards } from './connection-guards.js';
import {
  hookConnections,
  type ConnectionArguments,
  type HookedConnections,
  type NewConnection,
} from './connection-hook.js';
import { enterEach } from './current-place.js';
import { closeClient } from './gateway-client.js';
import { FORBIDDEN, gatewayErrorOf } from './gateway-error.js';
import { gatewaysOf, HANDLE_CONNECTION, type NestModuleInUse } from './handler-methods.js';
import { sessionArgumentsOf, type SessionArgument } from './handler-needs.js';
import { MessageScope } from './message-scope.js';
import { findPlace, findSlot } from './session-place.js';
import { valueOf } from './session.decorator.js';
import type { SessionService } from './session.service.js';

type GatewayProvider = NestModuleInUse['providers'] extends Map<unknown, infer Provider> ? Provider : never;

/** The SessionModules of an application. Their providers are there when the first client connects. */
type Modules = () => readonly ModuleSessions[];

/**
 * The connections of the gateways of one application. Each has to pass the guards; `handleConnection` gets its sessions, and what it
 * changes is saved; and a connection is closed when its session ends, if `closeOnEnd` says so.
 */
export class GatewayConnections implements HookedConnections {
  static readonly #all = new WeakMap<ModulesContainer, GatewayConnections>();

  readonly #modules: ModulesContainer;
  readonly #findSessions: Modules;
  #foundSessions: ReturnType<Modules> | undefined;
  readonly #logger = new Logger('SessionModule');

  /** Those of an application, hooked once, however many SessionModules it has. */
  static of(modules: ModulesContainer, sessions: Modules): GatewayConnections {
    let connections = GatewayConnections.#all.get(modules);
    if (connections === undefined) {
      GatewayConnections.#all.set(modules, (connections = new GatewayConnections(modules, sessions)));
      for (const { controller } of gatewaysOf(modules)) hookConnections(controller.prototype, connections);
    }
    return connections;
  }

  private constructor(modules: ModulesContainer, sessions: Modules) {
    this.#modules = modules;
    this.#findSessions = sessions;
  }

  has(connection: NewConnection): boolean {
    return this.#moduleOf(connection) !== undefined;
  }

  connect(connection: NewConnection): unknown {
    const { gateway, args } = connection;
    const scope = new MessageScope(args);
    scope.run(() => this.#closeOnEnd(args[0]));
    const parameters = sessionArgumentsOf(gateway.constructor, HANDLE_CONNECTION);
    const isAsked = parameters.length > 0 || connectionGuardsOf(gateway.constructor).length > 0;
    // Without them the gateway handles the connection at once, as ever.
    return isAsked ? this.#enter(connection, parameters, scope) : this.#handle(connection, args, scope);
  }

  async #enter(connection: NewConnection, parameters: readonly SessionArgument[], scope: MessageScope): Promise<void> {
    const [client] = connection.args;
    let args: ConnectionArguments;
    try {
      await admit(
        client,
        this.#within(scope, client, () => this.#guard(connection)),
      );
      args = await scope.run(() => this.#argumentsOf(connection, parameters));
    } catch (error) {
      scope.end();
      return this.#refuse(client, error);
    }
    return this.#handle(connection, args, scope);
  }

  /** Nest does not wait for it, and would let an error of the session end the process. */
  async #handle({ handle }: NewConnection, args: ConnectionArguments, scope: MessageScope): Promise<void> {
    const [client] = args;
    try {
      await this.#within(scope, client, () => handle(...args));
      await scope.run(() => findSlot(client)?.commit());
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
      this.#refuse(client, error);
    } finally {
      scope.run(() => findSlot(client)?.afterEnd());
      scope.end();
    }
  }

  /** Runs the application's code as part of the connection. */
  #within<R>(scope: MessageScope, client: object, work: () => R): R {
    return scope.run(() => {
      const place = findPlace(client);
      const currents = this.#sessions.map(({ current }) => current);
      return place === undefined ? work() : enterEach(currents, place, work);
    });
  }

  async #guard(connection: NewConnection): Promise<void> {
    const { gateway } = connection;
    const guards = connectionGuardsOf(gateway.constructor);
    const isPassed = await passGuards(guards, this.#moduleOf(connection), connectionContext(connection));
    if (!isPassed) throw new ConnectionRefused();
  }

  /** The arguments that Nest passes, with the sessions where parameters ask for them. */
  async #argumentsOf({ args }: NewConnection, parameters: readonly SessionArgument[]): Promise<ConnectionArguments> {
    const [client, ...others] = args;
    const given: [object, ...unknown[]] = [client, ...others];
    const opening = parameters.map(({ name }) => this.#serviceOf(name).open(client));
    const sessions = await Promise.all(opening);
    for (const [at, { index, key }] of parameters.entries()) {
      const session = sessions[at];
      if (session !== undefined) given[index] = valueOf(session, key);
    }
    return given;
  }

  get #sessions(): ReturnType<Modules> {
    return (this.#foundSessions ??= this.#findSessions());
  }

  #serviceOf(name: string): SessionService {
    const service = this.#sessions.find((each) => each.service.name === name)?.service;
    if (service !== undefined) return service;
    throw new SessionConfigurationError(`There is no SessionModule with the name '${name}'.`);
  }

  #closeOnEnd(client: object): void {
    for (const { service } of this.#sessions) if (service.closesOnEnd) void this.#closeWithSession(client, service);
  }

  /** Closes a connection when the session ends that its handshake presents. One without a session stays. */
  async #closeWithSession(client: object, sessions: SessionService): Promise<void> {
    try {
      const session = await sessions.open(client);
      if (session.isNew) return;
      const { signal } = session;
      const close = (): void => this.#end(client, signal.reason);
      if (signal.aborted) close();
      else signal.addEventListener('abort', close, { once: true });
    } catch (error) {
      // Nothing would close this connection when its session ends.
      this.#refuse(client, error);
    }
  }

  #end(client: object, ended: unknown): void {
    closeClient(client, gatewayErrorOf(ended), ended instanceof SessionEndedError ? ended.reason : undefined);
  }

  #refuse(client: object, error: unknown): void {
    const told = error instanceof ConnectionRefused ? FORBIDDEN : gatewayErrorOf(error);
    if (told.statusCode >= 500 && !isReported(error)) this.#logger.error(error);
    closeClient(client, told);
  }

  /** The module of a gateway, if it is one of this application. NestJS 12 can make one for each client. */
  #moduleOf({ gateway, args: [client] }: NewConnection): NestModuleInUse | undefined {
    const isGateway = (provider: GatewayProvider): boolean => {
      if (provider.metatype !== gateway.constructor) return false;
      if (provider.instance === gateway) return true;
      return provider.getInstanceByContextId(ContextIdFactory.getByRequest(client)).instance === gateway;
    };
    return [...this.#modules.values()].find((module) => [...module.providers.values()].some(isGateway));
  }
}

/** A guard has returned `false`. */
class ConnectionRefused extends Error {}
