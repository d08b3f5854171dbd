import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

import { describe, expect, it } from 'vitest';

import { forbidSharedStorage, forbidSharedStorageIn } from '../../../lib/http/cache-control.js';

function response(value?: string | string[]): ServerResponse {
  const made = new ServerResponse(new IncomingMessage(new Socket()));
  if (value !== undefined) made.setHeader('Cache-Control', value);
  return made;
}

const KEPT = ['private', 'no-store', 'max-age=60, PRIVATE', ' no-store ,max-age=1', 's-maxage=60, private'];
const REPLACED = [
  'public',
  'max-age=60',
  'no-cache',
  's-maxage=60',
  'private="set-cookie"',
  'public, ext="a, private, b"',
  'public, ext="a \\", private, b"',
  'public, ext="private',
  'not-private',
  'no-store-ever',
];

describe('an answer with a session cookie', () => {
  it.each(KEPT)('keeps its own Cache-Control: %s', (value) => {
    const made = response(value);
    expect([forbidSharedStorage(made), made.getHeader('cache-control')]).toEqual([false, value]);
    const head = `HTTP/1.1 200 OK\r\nCache-Control: ${value}\r\nX: 1\r\n\r\n`;
    expect(forbidSharedStorageIn(head)).toBe(head);
  });

  it.each(REPLACED)('has no-store in the place of: %s', (value) => {
    const made = response(value);
    expect([forbidSharedStorage(made), made.getHeader('cache-control')]).toEqual([true, 'no-store']);
    expect(forbidSharedStorageIn(`HTTP/1.1 200 OK\r\ncache-control: ${value}\r\nX: 1\r\n\r\n`)).toBe(
      'HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nX: 1\r\n\r\n',
    );
  });

  it('has no-store where the route says nothing, which replaces nothing', () => {
    const made = response();
    expect([forbidSharedStorage(made), made.getHeader('cache-control')]).toEqual([false, 'no-store']);
  });

  it.each(['CDN-Cache-Control', 'Surrogate-Control', 'Cloudflare-CDN-Cache-Control'])('has no %s', (name) => {
    const made = response('private');
    made.setHeader(name, 'max-age=60');
    forbidSharedStorage(made);
    expect(made.hasHeader(name)).toBe(false);
  });
});
