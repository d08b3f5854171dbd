import { createParamDecorator, type ExecutionContext, type PipeTransform, type Type } from '@nestjs/common';

import { RequestSlot } from '../http/request-slot.js';
import type { DataKey, DefaultData, LiveSession } from '../session/session-members.js';
import { DEFAULT_NAME } from '../session.constants.js';
import { SessionConfigurationError } from '../session.errors.js';
import { sessionsOfApplication } from './application-sessions.js';
import type { SessionKeyDecorator } from './session-key.decorator.js';
import { placeOf } from './session-place.js';

/** A pipe, after the key in `@Session('key', …)` or alone. */
type SessionPipe = Type<PipeTransform> | PipeTransform;

/** The forms of `@Session()`. */
interface SessionDecorator {
  /** The whole session. */
  (...pipes: SessionPipe[]): ParameterDecorator;
  /**
   * One key of the session; `undefined` when the session does not have it. Once `SessionData` is declared, another key does not
   * compile, and neither does a parameter whose type does not fit.
   */
  <Key extends DataKey>(key: Key): SessionKeyDecorator<DefaultData[Key]>;
  /** One key of the session, and the pipes that make the parameter of it. */
  (key: DataKey, ...pipes: SessionPipe[]): ParameterDecorator;
  /**
   * The session of another kind: `@Session.of('admin')` is that of the module `SessionModule.forRoot({ name: 'admin' })`, and
   * `@Session.of('admin', 'user')` one of its keys.
   */
  of(name: string, ...keyAndPipes: [key?: string | SessionPipe, ...pipes: SessionPipe[]]): ParameterDecorator;
}

/** What a `@Session()` parameter asks for. */
export interface SessionParameter {
  /** The name of the SessionModule. */
  readonly name: string;
  /** Absent: the whole session. */
  readonly key?: string | undefined;
}

/**
 * A request's session: your data as ordinary properties, and members such as `regenerate` and `destroy`, which do not show among
 * them. Any key of `T` may be missing. The library saves what you write, at any depth, before the client sees the response.
 */
export type Session<T extends object = DefaultData> = LiveSession<T>;

const decorate = createParamDecorator(sessionParameter);

/**
 * Parameter decorator: `@Session()` is the request's session, `@Session('user')` one of its keys. The session is opened for
 * handlers that ask for it, and for no others. With several SessionModules, `@Session.of('admin')` gives the session of the one
 * with that name.
 *
 * Global pipes see these values with the type `'custom'`. A pipe that clones objects would detach the session from its request.
 */
export const Session = Object.assign((...keyAndPipes: KeyAndPipes) => decorated(DEFAULT_NAME, keyAndPipes), {
  of: (name: string, ...keyAndPipes: KeyAndPipes) => decorated(name, keyAndPipes),
}) as SessionDecorator;

type KeyAndPipes = readonly (string | SessionPipe | undefined)[];

function decorated(name: string, [first, ...others]: KeyAndPipes): ParameterDecorator {
  const key = typeof first === 'string' ? first : undefined;
  const pipes = (key === undefined ? [first, ...others] : others).filter((pipe) => pipe !== undefined);
  return decorate({ name, key } satisfies SessionParameter, ...(pipes as SessionPipe[]));
}

/**
 * The value of a `@Session()` parameter.
 * @throws {SessionConfigurationError} when no session is open.
 */
export function sessionParameter({ name, key }: SessionParameter, context: ExecutionContext): unknown {
  const place = placeOf(context);
  const live = RequestSlot.find(place)?.liveNamed(name);
  if (live !== undefined) return valueOf(live, key);
  // No guard runs before the resolver of a field, unless the application wishes it: then the parameter opens the session.
  const isResolver = context.getType<string>() === 'graphql';
  const found = isResolver && sessionsOfApplication(place.request).find(({ service }) => service.name === name);
  if (found) return found.service.open(context).then((opened) => valueOf(opened, key));
  throw new SessionConfigurationError(
    '@Session() found no session: import SessionModule.forRoot() or forRootAsync() in the root module.',
  );
}

/** What a parameter gets of a session: a key of it, or all of it. */
export function valueOf(live: LiveSession, key: string | undefined): unknown {
  if (key === undefined) return live;
  return Object.hasOwn(live, key) ? live[key] : undefined;
}

/** What a parameter takes, if `@Session()` of ours has decorated it. */
export function sessionParameterOf(argument: {
  readonly factory?: unknown;
  readonly data?: unknown;
}): SessionParameter | undefined {
  return argument.factory === sessionParameter ? (argument.data as SessionParameter) : undefined;
}
