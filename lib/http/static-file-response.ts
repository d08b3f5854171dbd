import type { ServerResponse } from 'node:http';

/** The entity tag of `send` and `@fastify/send`: the file's size and time in hex. */
const FILE_ETAG = /^(?:W\/)?"[0-9a-f]+-[0-9a-f]+"$/;

/**
 * Whether the response whose head is being formed is a file from disk, as `express.static`, `res.sendFile`, ServeStaticModule and
 * `@fastify/static` send it. None of them leaves a mark, but only they send at least two of these: a modification time, byte
 * ranges, and an entity tag made of size and time. Each of the three can be switched off by itself.
 */
export function isStaticFileResponse(response: ServerResponse): boolean {
  if (response.req !== undefined && response.req.method !== 'GET' && response.req.method !== 'HEAD') return false;
  const isTagged = FILE_ETAG.test(String(response.getHeader('etag') ?? ''));
  if (response.hasHeader('last-modified')) return isTagged || response.hasHeader('accept-ranges');
  return isTagged && response.hasHeader('accept-ranges');
}
