import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseDuration } from '../../lib/duration.js';

describe('parseDuration', () => {
  it.each([
    [1, 1],
    [0.5, 0.5],
    [2_678_400, 2_678_400],
    ['30s', 30],
    ['30m', 1800],
    ['1.5h', 5400],
    ['14d', 1_209_600],
    ['2 weeks', 1_209_600],
    ['1 Day', 86_400],
    ['500ms', 0.5],
  ])('%j is %d seconds', (duration, seconds) => {
    expect(parseDuration(duration)).toBe(seconds);
  });

  it.each([0, -1, NaN, Infinity, -Infinity])('%d is no duration', (duration) => {
    expect(parseDuration(duration)).toBeUndefined();
  });

  it.each([
    '',
    ' ',
    '30',
    '-30',
    '0s',
    '-5m',
    'soon',
    '5 parsecs',
    'm',
    '1d 2h',
    '1e3s',
    'NaNs',
    `${' '.repeat(200)}1d`,
  ])('%j is no duration', (duration) => {
    expect(parseDuration(duration)).toBeUndefined();
  });

  it.each([undefined, null, true, {}, [], ['30m'], 30n, new Date(), Symbol('30m'), () => 30])(
    'what is neither a number nor a string is no duration',
    (duration) => {
      expect(parseDuration(duration)).toBeUndefined();
    },
  );

  it('is longer than zero and finite for whatever is a duration, and never throws', () => {
    const durations = fc.oneof(
      fc.anything(),
      fc.string(),
      fc
        .tuple(fc.double(), fc.constantFrom('', 'ms', 's', 'm', 'h', 'd', 'w', 'y', ' days'))
        .map(([n, unit]) => `${n}${unit}`),
    );
    fc.assert(
      fc.property(durations, (duration) => {
        const seconds = parseDuration(duration);
        expect(seconds === undefined || (seconds > 0 && Number.isFinite(seconds))).toBe(true);
      }),
    );
  });
});
