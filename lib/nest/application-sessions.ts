import type { HttpAdapterHost } from '@nestjs/core';

import type { AnyRequest } from '../http/any-request.js';
import type { CurrentPlace } from './current-place.js';
import { currentPlaceOf, SessionService } from './session.service.js';

const SESSIONS = Symbol('nest-session.sessions');

/** The services of one application by the names of their SessionModules. */
type ApplicationSessions = ReadonlyMap<string, SessionService>;

interface SessionsHolder {
  [SESSIONS]?: ApplicationSessions;
}

/** What leads from a request to its application: Express's, Fastify's, or, for a handshake of Node's own, the server. */
type RequestOfApplication = AnyRequest & {
  readonly app?: SessionsHolder;
  readonly server?: SessionsHolder;
  readonly socket?: { readonly server?: SessionsHolder };
};

/**
 * Leaves the services of an application where its requests lead to. Nest injects nothing into a parameter's decorator, and two
 * applications of one process may share a class and its metadata.
 */
export function announceSessions({ httpAdapter }: HttpAdapterHost, services: readonly SessionService[]): void {
  const sessions = new Map(services.map((service) => [service.name, service]));
  const holders = [httpAdapter?.getInstance<unknown>(), httpAdapter?.getHttpServer() as unknown];
  for (const holder of holders) if (holder != null) (holder as SessionsHolder)[SESSIONS] = sessions;
}

/** The service of that name, in the application that serves the request. */
export function sessionsNamed(name: string, request: AnyRequest): SessionService | undefined {
  return sessionsFor(request)?.get(name);
}

/** Whether another application than that of this service serves the request. */
export function isServedElsewhere(service: SessionService, request: AnyRequest): boolean {
  const sessions = sessionsFor(request);
  return sessions !== undefined && sessions.get(service.name) !== service;
}

/** The current places, of the SessionModules with `context: true`, of the application that serves the request. */
export function currentPlacesFor(request: AnyRequest): CurrentPlace[] {
  return [...(sessionsFor(request)?.values() ?? [])]
    .filter((service) => service instanceof SessionService)
    .map(currentPlaceOf)
    .filter(({ isOn }) => isOn);
}

function sessionsFor(request: AnyRequest): ApplicationSessions | undefined {
  const { app, server, socket } = request as RequestOfApplication;
  return app?.[SESSIONS] ?? server?.[SESSIONS] ?? socket?.server?.[SESSIONS];
}
