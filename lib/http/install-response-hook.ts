import { ServerResponse } from 'node:http';

import { ResponseHook, type HookedExchange, type ResponseMethods } from './response-hook.js';

/** Where the hook's methods stand on the one response. */
const OWN_HOOK = Symbol('nest-session.own-response-hook');
/** Where they stand once for all responses. */
const SHARED_HOOK = Symbol('nest-session.shared-response-hook');

type HookedResponse = ServerResponse & { [OWN_HOOK]?: ResponseHook; [SHARED_HOOK]?: ResponseHook };

/** The object that all responses of one Express application inherit. */
type ExpressResponse = ServerResponse & { readonly app?: { readonly response?: unknown } };

const NAMES = ['writeHead', 'write', 'end', 'flushHeaders'] as const;

/** What all responses inherited from Node before the hook was put there. */
let inherited: ResponseMethods | undefined;

/**
 * Puts a hook before the methods of one response. Of two exchanges of one response, the second joins the hook of the first.
 *
 * On Express, each property that is added to a response costs about a microsecond, because Express changes the response's prototype.
 * So there the methods stand once, on the object that all responses of Node inherit, and only a response with a session has a hook.
 * The object that those of Express inherit would not do: a response that is handed to an application of another copy of Express
 * inherits from that one's instead. Where another library has put methods of its own in between, ours must stand before those.
 */
export function installResponseHook(response: ServerResponse, exchange: HookedExchange): void {
  const hooked = response as HookedResponse;
  const hook = hooked[OWN_HOOK] ?? hooked[SHARED_HOOK];
  if (hook !== undefined) hook.add(exchange);
  else if (isOfExpress(hooked) && !hasOtherMethods(hooked)) {
    const found = sharedMethods();
    hooked[SHARED_HOOK] = new ResponseHook(hooked, exchange, { found, plain: found });
  } else installOn(hooked, exchange);
}

function isOfExpress(response: ServerResponse): boolean {
  const prototype = Object.getPrototypeOf(response) as ExpressResponse;
  const isInherited = Object.hasOwn(prototype, 'app') && prototype.app?.response === prototype;
  return isInherited && response instanceof ServerResponse;
}

/** Whether another library has put methods on the response, or on what it inherits from Express. */
function hasOtherMethods(response: ServerResponse): boolean {
  let owner: object = response;
  while (owner !== ServerResponse.prototype) {
    if (Object.hasOwn(owner, 'on') || NAMES.some((name) => Object.hasOwn(owner, name))) return true;
    owner = Object.getPrototypeOf(owner) as object;
  }
  return false;
}

// Shared functions and one state object: closures for every request would cost several microseconds.
function installOn(response: HookedResponse, exchange: HookedExchange): void {
  const plain = Object.getPrototypeOf(response) as ResponseMethods;
  response[OWN_HOOK] = new ResponseHook(response, exchange, { found: methodsOf(response), plain });
  response.writeHead = ownWriteHead;
  response.write = ownWrite as ServerResponse['write'];
  response.end = ownEnd as ServerResponse['end'];
  response.flushHeaders = ownFlushHeaders;
  // Only if another library has replaced `on` before: see the hook's own `on`.
  if (Object.hasOwn(response, 'on')) response.on = ownOn as ServerResponse['on'];
}

function methodsOf(response: ServerResponse): ResponseMethods {
  const { writeHead, write, end, flushHeaders, on } = response as unknown as ResponseMethods;
  return { writeHead, write, end, flushHeaders, on };
}

function ownWriteHead(this: HookedResponse, ...args: unknown[]): ServerResponse {
  return ownHook(this).writeHead(args);
}

function ownWrite(this: HookedResponse, ...args: unknown[]): boolean {
  return ownHook(this).write(args);
}

function ownEnd(this: HookedResponse, ...args: unknown[]): ServerResponse {
  return ownHook(this).end(args);
}

function ownFlushHeaders(this: HookedResponse): void {
  ownHook(this).flushHeaders();
}

function ownOn(this: HookedResponse, ...args: unknown[]): ServerResponse {
  return ownHook(this).on(args);
}

function ownHook(response: HookedResponse): ResponseHook {
  return response[OWN_HOOK] as ResponseHook;
}

/**
 * Puts the hook's methods on the object that all responses inherit, once.
 * @returns the methods that stood there before.
 */
function sharedMethods(): ResponseMethods {
  if (inherited !== undefined) return inherited;
  const { prototype } = ServerResponse as { readonly prototype: ServerResponse };
  const found = methodsOf(prototype);
  inherited = found;
  const methods: Pick<ResponseMethods, (typeof NAMES)[number]> = {
    writeHead(this: HookedResponse, ...args) {
      const hook = this[SHARED_HOOK];
      return hook === undefined ? found.writeHead.apply(this, args) : hook.writeHead(args);
    },
    write(this: HookedResponse, ...args) {
      const hook = this[SHARED_HOOK];
      return hook === undefined ? found.write.apply(this, args) : hook.write(args);
    },
    end(this: HookedResponse, ...args) {
      const hook = this[SHARED_HOOK];
      return hook === undefined ? found.end.apply(this, args) : hook.end(args);
    },
    flushHeaders(this: HookedResponse) {
      const hook = this[SHARED_HOOK];
      if (hook === undefined) found.flushHeaders.call(this);
      else hook.flushHeaders();
    },
  };
  for (const name of NAMES) {
    Object.defineProperty(prototype, name, { value: methods[name], writable: true, configurable: true });
  }
  return found;
}
