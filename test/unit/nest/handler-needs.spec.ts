import { Controller, Get, Res, type ExecutionContext } from '@nestjs/common';
import { describe, expect, it } from 'vitest';

import { HandlerNeedsReader } from '../../../lib/nest/handler-needs.js';
import { Session } from '../../../lib/index.js';

@Controller()
class ReadController {
  @Get('me')
  me(@Session() session: unknown, @Res() reply: unknown): unknown[] {
    return [session, reply];
  }

  async asynchronous(): Promise<void> {}

  @Get('promising')
  promising(): Promise<void> {
    return this.asynchronous();
  }
}

function needsOf(handler: unknown): object {
  const context = { getClass: () => ReadController, getHandler: () => handler };
  return new HandlerNeedsReader().of(context as unknown as ExecutionContext);
}

const needs = {
  sessions: ['default'],
  respondsItself: true,
  isEventStream: false,
  settlesOnce: false,
  repeatsInterceptor: false,
};

describe('the needs of a handler', () => {
  it('are read from its parameters', () => {
    expect(needsOf(ReadController.prototype.me)).toEqual(needs);
  });

  it('are found by its name when a tracer has put another function in its place', () => {
    expect(needsOf({ me: () => undefined }.me)).toEqual(needs);
  });

  it('are none for a function that is no handler', () => {
    expect(needsOf(() => undefined)).toEqual({ ...needs, sessions: [], respondsItself: false });
  });

  it.each(['asynchronous', 'promising'] as const)('tell that it returns a promise: %s', (method) => {
    expect(needsOf(ReadController.prototype[method])).toMatchObject({ settlesOnce: true });
  });
});
