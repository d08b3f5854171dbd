import type { ServerResponse } from 'node:http';

/** The entity tag of `send` and `@fastify/send`: the file's size and time in hex. */
const FILE_ETAG = /^(?:W\/)?"[0-9a-f]+-[0-9a-f]+"$/;

/**
 * Whether the answer whose head is being formed is a file from disk, as `express.static`, `res.sendFile`, ServeStaticModule and
 * `@fastify/static` send it. None of them leaves a mark; but they are the ones that give a modification time together with
 * byte ranges or with an entity tag made of size and time.
 */
export function isStaticFileAnswer(response: ServerResponse): boolean {
  if (response.req !== undefined && response.req.method !== 'GET' && response.req.method !== 'HEAD') return false;
  if (!response.hasHeader('last-modified')) return false;
  return response.hasHeader('accept-ranges') || FILE_ETAG.test(String(response.getHeader('etag') ?? ''));
}
