import { IntrinsicException } from '@nestjs/common';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { EventHub } from '../../../lib/engine/event-hub.js';
import { EventPublisher } from '../../../lib/engine/event-publisher.js';
import { StoreTrouble } from '../../../lib/engine/store-trouble.js';
import { StoreWatch } from '../../../lib/engine/store-watch.js';
import { SessionStoreError } from '../../../lib/index.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';
import { isReported, markReported } from '../../../lib/session.errors.js';

function withCode(code: string): Error {
  return Object.assign(new Error('k3y'), { code });
}

function refusalBecause(code: string): SessionStoreError {
  return new SessionStoreError('It is full.', { isRefusal: true, cause: withCode(code) });
}

function watched(): { trouble: StoreTrouble; watch: StoreWatch; lines: string[]; fail(error: unknown): unknown } {
  const lines: string[] = [];
  const trouble = new StoreTrouble(
    new EventPublisher(new EventHub(), resolveOptions({})),
    {
      warn: () => undefined,
      warnOnce: () => undefined,
      error: (message, stack = '') => lines.push(`${message}\n${stack}`),
      log: (message) => lines.push(message),
      markReported: (error) => markReported(error, IntrinsicException),
    },
    '',
  );
  const watch = new StoreWatch(trouble, { sessions: 'default', store: 'OwnStore' });
  return { trouble, watch, lines, fail: (error) => watch.failed('read', error, undefined) };
}

/** As a second passes. */
function passCalm(): void {
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 1001);
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the trouble of a store', () => {
  it('that a plain error tells nothing about is told with the place where it was thrown, and without its message', () => {
    const { lines, fail } = watched();
    function connectToRecords(): Error {
      return new Error('no relation "k3y"\n    at k3y (k3y:1:1)');
    }
    expect(isReported(fail(connectToRecords()))).toBe(true);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('connectToRecords');
    expect(lines[0]).not.toContain('k3y');
  });

  it('is told once for each reason, as long as the store does not tell its outages from its faults', () => {
    const { lines, fail } = watched();
    for (let at = 0; at < 2; at++) {
      expect(isReported(fail(withCode('ECONNREFUSED')))).toBe(true);
      expect(isReported(fail(withCode('ECONNRESET')))).toBe(true);
      expect(isReported(fail(new TypeError('k3y')))).toBe(true);
      expect(isReported(fail(new Error('k3y')))).toBe(true);
    }
    expect(lines).toEqual([
      expect.stringContaining('fails, which is not logged again until it has passed.'),
      expect.stringContaining('also fails, which is not logged again until it has passed.'),
      expect.stringContaining('also fails, which is not logged again until it has passed.'),
    ]);
    expect(lines[1]).toContain('(TypeError)');
  });

  it('is told once while the connection of a store of the library fails in different ways', () => {
    const { lines, fail } = watched();
    for (const cause of [withCode('ECONNRESET'), withCode('57P01'), new Error('Connection terminated'), undefined])
      fail(new SessionStoreError('It is away.', { cause }));
    expect(lines).toHaveLength(1);
    fail(new SessionStoreError('It is away.', { cause: new TypeError('k3y') }));
    expect(lines).toHaveLength(2);
  });

  it('goes on as the last trouble while a later one comes and passes', () => {
    const { trouble, watch, fail } = watched();
    watch.failed('replace', refusalBecause('OOM'), undefined);
    const since = trouble.last?.since;
    fail(withCode('ECONNRESET'));
    expect(trouble.last).toMatchObject({ reason: 'ECONNRESET' });
    passCalm();
    watch.answered('read', undefined, undefined);
    expect(trouble.last).toEqual({ reason: 'OOM', since });
    watch.answered('replace', 'replaced', undefined);
    expect(trouble.last).toEqual({ reason: 'OOM', since, until: expect.any(Date) as Date });
  });

  it('is told of no more once the application has shut down', () => {
    const { trouble, watch, lines, fail } = watched();
    trouble.close();
    fail(withCode('ECONNRESET'));
    passCalm();
    watch.answered('read', undefined, undefined);
    expect([lines, trouble.isOpen, trouble.last]).toEqual([[], false, undefined]);
  });
});

describe('an error of the store that is frozen', () => {
  it('is thrown as it is', () => {
    const error = Object.freeze(new SessionStoreError('frozen'));
    const { lines, fail } = watched();
    expect(fail(error)).toBe(error);
    expect(isReported(error)).toBe(false);
    expect(lines).toHaveLength(1);
  });
});

describe('an error that was reported', () => {
  it('is an instance of the class that was given, also where another was given before', () => {
    class OtherIntrinsicException extends Error {}
    const [one, other] = [new SessionStoreError('a'), new SessionStoreError('b')];
    markReported(one, IntrinsicException);
    markReported(other, OtherIntrinsicException);
    expect([one instanceof IntrinsicException, other instanceof IntrinsicException]).toEqual([true, false]);
    expect(other).toBeInstanceOf(OtherIntrinsicException);
    expect(other).toBeInstanceOf(SessionStoreError);
  });
});
