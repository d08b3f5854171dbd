import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';

import type { AnyRequest } from '../http/any-request.js';
import { RequestSlot } from '../http/request-slot.js';
import type { DefaultData, LiveSession } from '../session/session-members.js';
import { SessionConfigurationError } from '../session.errors.js';

/** A pipe, after the key in `@Session('key', …)` or alone. */
type SessionPipe = Type<PipeTransform> | PipeTransform;

/** The forms of `@Session()`. */
interface SessionDecorator {
  /** The whole session. */
  (...pipes: SessionPipe[]): ParameterDecorator;
  /** One key of the session; `undefined` when the session does not have it. */
  (key: string, ...pipes: SessionPipe[]): ParameterDecorator;
}

/**
 * A request's session: your data as ordinary properties, and members such as `regenerate` and `destroy`, which do not show among
 * them. Any key of `T` may be missing. The library saves what you write, at any depth, before the client sees the response.
 */
export type Session<T extends object = DefaultData> = LiveSession<T>;

/**
 * Parameter decorator: `@Session()` is the request's session, `@Session('user')` one of its keys. The session is opened for
 * handlers that ask for it, and for no others.
 *
 * Global pipes see these values with the type `'custom'`. A pipe that clones objects would detach the session from its request.
 */
export const Session: SessionDecorator = createParamDecorator(sessionParameter);

/**
 * The value of a `@Session()` parameter.
 * @throws {SessionConfigurationError} when no session is open.
 */
export function sessionParameter(key: unknown, context: ExecutionContext): unknown {
  const request = context.switchToHttp().getRequest<AnyRequest | undefined>();
  const live = request && RequestSlot.find({ request })?.live;
  if (live === undefined) {
    throw new SessionConfigurationError(
      '@Session() found no session: import SessionModule.forRoot() or forRootAsync() in the root module; outside HTTP, use SessionService.open().',
    );
  }
  if (typeof key !== 'string') return live;
  return Object.hasOwn(live, key) ? live[key] : undefined;
}
