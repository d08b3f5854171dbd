import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request of Express, Fastify or Node. */
export type AnyRequest = object & {
  readonly raw?: IncomingMessage;
  readonly ip?: string | undefined;
  readonly protocol?: string | undefined;
  readonly originalUrl?: string;
  session?: unknown;
};

/** A response or reply of Express, Fastify or Node. */
export type AnyResponse = object & { readonly raw?: ServerResponse };

/** Node's own request. Express adds the URL that the client asked for. */
export type NodeRequest = IncomingMessage & { readonly originalUrl?: string };
