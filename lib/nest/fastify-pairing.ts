import type { HttpAdapterHost } from '@nestjs/core';

import type { AnyRequest, AnyResponse } from '../http/any-request.js';
import { isUpgrade, RequestSlot } from '../http/request-slot.js';
import type { CurrentPlace } from './current-place.js';

type RequestHook = (request: AnyRequest, reply: AnyResponse, done: () => void) => void;

/** What this module needs of Nest's adapter of Fastify. The adapter runs one hook of this kind, and runs it before any middleware. */
interface FastifyAdapter {
  setOnRequestHook(hook: RequestHook): void;
  /** The hook that was set before. */
  readonly onRequestHook?: RequestHook | undefined;
}

/**
 * Remembers the response of each request: Fastify's requests do not know theirs, and middleware that opens a session needs both.
 * Middleware of our own could do it too, but then every request would pass through Fastify's middleware engine. With `context: true`
 * it also makes each request the current place.
 */
export function pairOnFastify({ httpAdapter }: HttpAdapterHost, current: CurrentPlace): void {
  if (httpAdapter?.getType() !== 'fastify') return;
  const adapter = httpAdapter as unknown as FastifyAdapter;
  const set = adapter.setOnRequestHook.bind(adapter);
  const setBoth = (hook: RequestHook | undefined): void =>
    set((request, reply, done) => {
      RequestSlot.pair(request, reply);
      const goOn = (): void => (hook === undefined ? done() : hook.call(adapter, request, reply, done));
      // The messages of a connection are places of their own, and its handshake, of which nothing can be saved, is none.
      return current.isOn && !isUpgrade(request) ? current.enter({ request, response: reply }, goOn) : goOn();
    });
  setBoth(adapter.onRequestHook);
  // The adapter has one hook, and would drop this one for another that is set later.
  adapter.setOnRequestHook = setBoth;
}
