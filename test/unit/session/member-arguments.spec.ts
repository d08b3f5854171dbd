import { describe, expect, it } from 'vitest';

import { checkedLifetime, checkedMethods } from '../../../lib/session/member-arguments.js';

describe('the lifetime that remember() takes', () => {
  it.each([
    ['30d', 2_592_000],
    [60, 60],
    ['1.5h', 5400],
    ['10 years', undefined],
    [false, false],
    [10 * 365 * 86_400, 10 * 365 * 86_400],
  ])('%j is %j', (given, seconds) => {
    if (seconds === undefined) expect(() => checkedLifetime(given)).toThrow(TypeError);
    else expect(checkedLifetime(given)).toBe(seconds);
  });

  it.each(['30', '', 'soon', 0, -1, NaN, Infinity, 1e300, true, null, undefined, {}, '11y'])(
    '%j is none, and the error says what to write',
    (given) => {
      expect(() => checkedLifetime(given)).toThrow(TypeError);
      expect(() => checkedLifetime(given)).toThrow("write a string with a unit such as '30d'");
    },
  );
});

describe('the methods that signedIn() takes', () => {
  it.each([[undefined], [{}], [{ amr: undefined }]])('%j names none', (given) => {
    expect(checkedMethods(given)).toBeUndefined();
  });

  it('are a list of its own', () => {
    const amr = ['pwd', 'otp'];
    const checked = checkedMethods({ amr });
    amr.push('face');
    expect(checked).toEqual(['pwd', 'otp']);
  });

  it.each([
    ['pwd'],
    [null],
    [() => {}],
    [{ amr: 'pwd' }],
    [{ amr: null }],
    [{ amr: [1] }],
    [{ amr: [''] }],
    [{ amr: ['x'.repeat(65)] }],
    [{ amr: Array(21).fill('pwd') }],
  ])('%j is refused, and the error says what to write', (given) => {
    expect(() => checkedMethods(given)).toThrow(TypeError);
    expect(() => checkedMethods(given)).toThrow("such as ['pwd', 'otp'] (RFC 8176)");
  });
});
