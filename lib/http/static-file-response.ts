import type { ServerResponse } from 'node:http';

import type { HeadHeaders } from './head-headers.js';

/** The entity tag of `send` and `@fastify/send`: the file's size and time in hex. */
const FILE_ETAG = /^(?:W\/)?"[0-9a-f]+-[0-9a-f]+"$/;

/**
 * Whether the response whose head is being formed is a file from disk, as `express.static`, `res.sendFile`, ServeStaticModule and
 * `@fastify/static` send it. None of them leaves a mark, but only they send at least two of these: a modification time, byte
 * ranges, and an entity tag made of size and time. Each of the three can be switched off by itself.
 */
export function isStaticFileResponse(response: ServerResponse, headers: HeadHeaders): boolean {
  if (response.req !== undefined && response.req.method !== 'GET' && response.req.method !== 'HEAD') return false;
  const isTagged = FILE_ETAG.test(String(headers.getHeader('etag') ?? ''));
  if (headers.hasHeader('last-modified')) return isTagged || headers.hasHeader('accept-ranges');
  return isTagged && headers.hasHeader('accept-ranges');
}
