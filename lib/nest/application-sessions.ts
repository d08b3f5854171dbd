import type { HttpAdapterHost } from '@nestjs/core';

import type { AnyRequest } from '../http/any-request.js';
import type { CurrentPlace } from './current-place.js';
import type { SessionService } from './session.service.js';

const SESSIONS = Symbol('nest-session.sessions');

/** What one SessionModule gives to code into which Nest injects nothing. */
export interface ModuleSessions {
  readonly service: SessionService;
  readonly current: CurrentPlace;
}

interface SessionsHolder {
  [SESSIONS]?: readonly ModuleSessions[];
}

/** What leads from a request to its application: Express's, Fastify's, or, for a handshake of Node's own, the server. */
type RequestOfApplication = AnyRequest & {
  readonly app?: SessionsHolder;
  readonly server?: SessionsHolder;
  readonly socket?: { readonly server?: SessionsHolder };
};

/**
 * Leaves the sessions of an application where its requests lead to. Nest injects nothing into the decorator of a parameter and the
 * middleware of a field, and two applications of one process may share a class with all its metadata.
 */
export function announceSessions({ httpAdapter }: HttpAdapterHost, sessions: readonly ModuleSessions[]): void {
  const holders = [httpAdapter?.getInstance<unknown>(), httpAdapter?.getHttpServer() as unknown];
  for (const holder of holders) if (holder != null) (holder as SessionsHolder)[SESSIONS] = sessions;
}

/** The sessions of the application that serves the request. */
export function sessionsOfApplication(request: AnyRequest): readonly ModuleSessions[] {
  return sessionsFor(request) ?? [];
}

/** Whether another application than that of this service serves the request. */
export function isServedElsewhere(service: SessionService, request: AnyRequest): boolean {
  return sessionsFor(request)?.every((other) => other.service !== service) ?? false;
}

function sessionsFor(request: AnyRequest): readonly ModuleSessions[] | undefined {
  const { app, server, socket } = request as RequestOfApplication;
  return app?.[SESSIONS] ?? server?.[SESSIONS] ?? socket?.server?.[SESSIONS];
}
