import { describe, expect, it } from 'vitest';
import { pathMatches, requestPath } from '../../../lib/cookies/cookie-path.js';

describe('pathMatches', () => {
  it.each([
    ['/', '/'],
    ['/admin', '/'],
    ['//evil', '/'],
    ['/admin', '/admin'],
    ['/admin/', '/admin'],
    ['/admin/x', '/admin'],
    ['/admin/', '/admin/'],
    ['/admin/x', '/admin/'],
    ['/a/b/c', '/a/b'],
  ])('%s is covered by the cookie path %s', (path, cookiePath) => {
    expect(pathMatches(path, cookiePath)).toBe(true);
  });

  it.each([
    ['/administrator', '/admin'],
    ['/adm', '/admin'],
    ['/', '/admin'],
    ['/admin', '/admin/'],
    ['/Admin', '/admin'],
    ['/x/admin', '/admin'],
    ['//admin', '/admin'],
    ['/%61dmin', '/admin'],
    ['/admin%2fx', '/admin'],
  ])('%s is not covered by the cookie path %s', (path, cookiePath) => {
    expect(pathMatches(path, cookiePath)).toBe(false);
  });
});

describe('requestPath', () => {
  it.each([
    ['/a/b', '/a/b'],
    ['/a?b=/c', '/a'],
    ['/a#b', '/a'],
    ['/?', '/'],
    ['/a?b\nc', '/a'],
    ['//evil/x', '//evil/x'],
    ['/http://h/p', '/http://h/p'],
    ['/%61dmin%2Fx?y', '/%61dmin%2Fx'],
    ['http://h/p?q', '/p'],
    ['HTTPS://user@h:8443/p/q', '/p/q'],
    ['ws://[::1]:80/p', '/p'],
    ['http://h', '/'],
    ['http://h?q=/x', '/'],
    ['http:///p', '/p'],
    ['*', '/'],
    ['h:443', '/'],
    ['', '/'],
    ['?a=/b', '/'],
    ['admin', '/'],
  ])('the path of %j is %s', (url, path) => {
    expect(requestPath(url)).toBe(path);
  });
});
