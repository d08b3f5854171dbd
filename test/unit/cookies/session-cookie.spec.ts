import { parseSetCookie } from 'cookie';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cookieValues } from '../../../lib/cookies/cookie-header.js';
import type { ResolvedCookie } from '../../../lib/cookies/cookie-options.js';
import { removalCookie, serializeCookie } from '../../../lib/cookies/session-cookie.js';

const plain: ResolvedCookie = {
  name: 'session',
  path: '/',
  httpOnly: true,
  secure: 'auto',
  sameSite: 'lax',
  persistent: true,
};
const NOW = Date.UTC(2030, 0, 1) / 1000;

describe('serializeCookie', () => {
  it('writes every attribute, and Max-Age and Expires from the one expiry', () => {
    const full: ResolvedCookie = {
      ...plain,
      path: '/app',
      domain: 'example.com',
      sameSite: 'none',
      partitioned: true,
      priority: 'high',
    };
    expect(serializeCookie(full, 'abc.def', { expiresAt: NOW + 3600, now: NOW, secure: true })).toBe(
      'session=abc.def; Max-Age=3600; Domain=example.com; Path=/app; Expires=Tue, 01 Jan 2030 01:00:00 GMT; ' +
        'HttpOnly; Secure; Partitioned; Priority=High; SameSite=None',
    );
  });

  it('says Secure only where it is told to', () => {
    expect(serializeCookie(plain, 'a', { expiresAt: undefined, now: NOW, secure: false })).toBe(
      'session=a; Path=/; HttpOnly; SameSite=Lax',
    );
    expect(serializeCookie(plain, 'a', { expiresAt: undefined, now: NOW, secure: true })).toBe(
      'session=a; Path=/; HttpOnly; Secure; SameSite=Lax',
    );
  });

  it('leaves the expiry out of a cookie that is not persistent', () => {
    const line = serializeCookie({ ...plain, persistent: false }, 'a', {
      expiresAt: NOW + 60,
      now: NOW,
      secure: false,
    });
    expect(line).not.toMatch(/max-age|expires/i);
  });

  it('writes the expiry all the same where the session is to outlive the browser, and has one', () => {
    const cookie = { ...plain, persistent: false };
    const state = { now: NOW, secure: false, isRemembered: true };
    expect(serializeCookie(cookie, 'a', { ...state, expiresAt: NOW + 60 })).toContain('Max-Age=60; ');
    expect(serializeCookie(cookie, 'a', { ...state, expiresAt: undefined })).not.toMatch(/max-age|expires/i);
  });

  it.each([
    [0.2, 1],
    [59.5, 60],
    [60, 60],
  ])('a session with %s seconds to live gets Max-Age=%s', (left, maxAge) => {
    expect(parseSetCookie(serializeCookie(plain, 'a', { expiresAt: NOW + left, now: NOW, secure: false })).maxAge).toBe(
      maxAge,
    );
  });

  it('never writes Max-Age=0 or less, even for a session that has just expired', () => {
    expect(parseSetCookie(serializeCookie(plain, 'a', { expiresAt: NOW - 5, now: NOW, secure: false })).maxAge).toBe(1);
  });

  it.each([1e11, 1e12, 1e21, Number.MAX_VALUE, Number.POSITIVE_INFINITY])(
    'an expiry in %s seconds stays a whole number and a date with a year of four digits',
    (left) => {
      const line = serializeCookie(plain, 'a', { expiresAt: NOW + left, now: NOW, secure: false });
      expect(line).toMatch(/; Max-Age=\d+; .*; Expires=\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT;/);
      const { maxAge, expires } = parseSetCookie(line);
      expect(NOW + (maxAge ?? 0)).toBe((expires?.getTime() ?? 0) / 1000);
    },
  );

  it('leaves a value that a cookie can hold as it is, for programs that do not unescape', () => {
    const value = "3f/+a:b=='(x)'!~";
    expect(serializeCookie(plain, value, { expiresAt: undefined, now: NOW, secure: false })).toMatch(
      `session=${value};`,
    );
  });

  it('escapes what would be taken for an escape', () => {
    expect(serializeCookie(plain, 'a%41', { expiresAt: undefined, now: NOW, secure: false })).toMatch(
      'session=a%2541;',
    );
    expect(cookieValues('session=a%2541', 'session')).toEqual(['a%41']);
  });

  it('writes any value on one line, and it is read back as it was', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const line = serializeCookie(plain, value, { expiresAt: undefined, now: NOW, secure: false });
        const pair = line.slice(0, line.indexOf(';'));
        expect(pair).toMatch(/^session=[\x21-\x7e]*$/);
        expect(cookieValues(`a=1; ${pair}; b=2`, 'session')).toEqual([value]);
      }),
    );
  });
});

describe('removalCookie', () => {
  const full: ResolvedCookie = {
    ...plain,
    path: '/app',
    domain: 'example.com',
    sameSite: 'none',
    partitioned: true,
    priority: 'low',
  };

  it.each([
    ['a plain cookie', plain, false],
    ['a cookie with every attribute', full, true],
    ['a cookie that is not persistent', { ...plain, persistent: false }, true],
  ])('expires %s and repeats all other attributes', (_what, cookie, secure) => {
    const {
      value: _value,
      maxAge: _age,
      expires: _end,
      ...set
    } = parseSetCookie(serializeCookie(cookie, 'abc', { expiresAt: NOW + 60, now: NOW, secure }));
    const { value, maxAge, expires, ...removed } = parseSetCookie(removalCookie(cookie, secure));
    expect(removed).toEqual(set);
    expect({ value, maxAge, expires }).toEqual({ value: '', maxAge: 0, expires: new Date(0) });
  });
});
