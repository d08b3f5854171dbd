import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cookieValues } from '../../../lib/cookies/cookie-header.js';

describe('cookieValues', () => {
  it.each([
    ['session=a', ['a']],
    ['x=1; session=a; y=2', ['a']],
    ['session=a; session=b;session=a', ['a', 'b']],
    ['session=', ['']],
    [' \tsession \t=\t a \t;', ['a']],
    ['session="a b"', ['a b']],
    ['session="', ['"']],
    ['session=""', ['']],
    ['session=a=b==', ['a=b==']],
    ['session=a%20b', ['a b']],
    ['session="%22a%22"', ['"a"']],
    ['session=%zz', ['%zz']],
    ['session=%E0%A4%A', ['%E0%A4%A']],
    ['session=a, session=b', ['a, session=b']],
  ])('%j holds %j', (header, values) => {
    expect(cookieValues(header, 'session')).toEqual(values);
  });

  it.each([
    undefined,
    '',
    ';;;',
    '=',
    'session',
    'session; x=1',
    '=session=a',
    'mysession=a',
    'sessions=a',
    'x.session=a',
    'SESSION=a',
    'x=session',
    'x="; session"',
    's%65ssion=a',
    '"session"=a',
  ])('%j holds no session cookie', (header) => {
    expect(cookieValues(header, 'session')).toEqual([]);
  });

  it.each(['\u00a0', '\v', '\f', '\u2000', '\ufeff', 'â\u0080\u0080'])(
    'a name behind %j, which is no blank to a browser, is another name',
    (noBlank) => {
      expect(cookieValues(`${noBlank}__Host-session=forged; __Host-session=own`, '__Host-session')).toEqual(['own']);
    },
  );

  it('a value keeps what is no blank to a browser', () => {
    expect(cookieValues('session=\u00a0a\u00a0', 'session')).toEqual(['\u00a0a\u00a0']);
  });

  it('names such as __proto__ are names like any other', () => {
    expect(cookieValues('__proto__=a; constructor=b', '__proto__')).toEqual(['a']);
    expect(cookieValues('x=1', 'constructor')).toEqual([]);
  });

  it('never throws and returns only what stands in the header', () => {
    const scraps = fc.array(
      fc.constantFrom('session', '=', ';', '"', ' ', '%', '%41', '\t', 'x', '__proto__', '\u00a0'),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          scraps.map((parts) => parts.join('')),
        ),
        (header) => {
          const values = cookieValues(header, 'session');
          expect(values.length).toBeLessThanOrEqual(header.split('session').length - 1);
          expect(values.every((value) => typeof value === 'string')).toBe(true);
        },
      ),
    );
  });

  it.each([
    ['blanks', `session=${' '.repeat(500_000)}x`, 1],
    ['blanks before the name', `x${' '.repeat(500_000)}session=a`, 0],
    ['pairs without =', 'session;'.repeat(100_000), 0],
    ['signs of equality', `session${'='.repeat(500_000)}`, 1],
    ['percent signs', `session=${'%'.repeat(500_000)}`, 1],
    ['duplicates', 'session=a;'.repeat(100_000), 1],
    [
      'different cookies, of which the first 16 count',
      Array.from({ length: 90_000 }, (_, n) => `session=${n}`).join(';'),
      16,
    ],
  ])('reads a very long header of %s', (_what, header, count) => {
    expect(cookieValues(header, 'session')).toHaveLength(count);
  });
});
