import type { ExecutionContext } from '@nestjs/common';

/** What Passport and its strategies use of Express's request, and Fastify's does not have. */
interface BridgedRequest {
  readonly socket: unknown;
  /** Strategies that resolve a relative callback URL look there for TLS. */
  connection?: unknown;
  /** Strategies that answer with a page, as SAML's do, find the response there. */
  res?: unknown;
}

/** What Passport and its strategies use of Express's response, and what Fastify's reply has in its place. */
interface BridgedReply {
  header(name: string, value: unknown): unknown;
  send(body?: unknown): unknown;
  setHeader?: (name: string, value: unknown) => unknown;
  end?: (body?: unknown) => unknown;
}

/**
 * Gives a request and a reply of Fastify's what Passport needs of Express's. It goes through the reply and not past it, so that the
 * hooks and headers of the application's plugins count. On Express there is nothing to do.
 */
export function bridgePassport(context: ExecutionContext): void {
  if (context.getType() !== 'http') return;
  const http = context.switchToHttp();
  const reply = http.getResponse<BridgedReply>();
  if (typeof reply.setHeader === 'function' || typeof reply.header !== 'function') return;
  reply.setHeader = setHeader;
  reply.end = end;
  const request = http.getRequest<BridgedRequest>();
  request.connection ??= request.socket;
  request.res ??= reply;
}

function setHeader(this: BridgedReply, name: string, value: unknown): BridgedReply {
  this.header(name, value);
  return this;
}

function end(this: BridgedReply, body?: unknown): BridgedReply {
  this.send(body);
  return this;
}
