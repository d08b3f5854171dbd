import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { SessionMeta } from '../../../lib/session/session-record.js';
import { SessionLifetime, type SessionLifetimeOptions } from '../../../lib/session/session-lifetime.js';

const NOW = 1_800_000_000;
const IDLE = 1000;

function lifetime(options: Partial<SessionLifetimeOptions> = {}): SessionLifetime {
  return new SessionLifetime({ idleTimeout: IDLE, absoluteTimeout: undefined, rolling: true, ...options });
}

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: NOW * 1000 }));
afterEach(() => void vi.useRealTimers());

describe('the end of a session', () => {
  it.each<[string, SessionMeta, Partial<SessionLifetimeOptions>, number]>([
    ['the idle timeout after its last renewal', { created: NOW - 500, seen: NOW - 200 }, {}, NOW - 200 + IDLE],
    ['the idle timeout from now, where the record has no times', {}, {}, NOW + IDLE],
    ['the absolute timeout after its birth', { created: NOW - 500, seen: NOW }, { absoluteTimeout: 600 }, NOW + 100],
    ['the idle timeout, where that comes first', { created: NOW, seen: NOW }, { absoluteTimeout: 9999 }, NOW + IDLE],
    ['the absolute timeout from now, where the record has no birth', { seen: NOW }, { absoluteTimeout: 9 }, NOW + 9],
    ['the idle timeout from now, where each write renews it', { seen: NOW - 900 }, { rolling: 'write' }, NOW + IDLE],
    ['the lifetime of its own, where it has one', { seen: NOW - 9, lifetime: 60 }, {}, NOW - 9 + 60],
    ['that from now, where each write renews it', { lifetime: 60 }, { rolling: 'write' }, NOW + 60],
    ['the idle timeout, where its cookie ends with the browser', { seen: NOW, lifetime: false }, {}, NOW + IDLE],
    ['the absolute timeout before that', { created: NOW, seen: NOW, lifetime: 60 }, { absoluteTimeout: 9 }, NOW + 9],
    ['as if its times to come were now', { created: NOW + 50, seen: NOW + 50 }, { absoluteTimeout: 9 }, NOW + 9],
  ])('is %s', (_when, meta, options, end) => {
    expect(lifetime(options).expiresAt(meta)).toBe(end);
  });

  it('has come in the very second in which its time is over', () => {
    const meta = { created: NOW, seen: NOW };
    vi.setSystemTime((NOW + IDLE) * 1000 - 1);
    expect(lifetime().isExpired(meta)).toBe(false);
    vi.setSystemTime((NOW + IDLE) * 1000);
    expect(lifetime().isExpired(meta)).toBe(true);
  });

  it('is told to a store in whole seconds, rounded up, and at least one', () => {
    const meta = { created: NOW, seen: NOW };
    expect(lifetime().ttl(meta)).toBe(IDLE);
    vi.setSystemTime(NOW * 1000 + 1);
    expect(lifetime().ttl(meta)).toBe(IDLE);
    vi.setSystemTime((NOW + 2 * IDLE) * 1000);
    expect(lifetime().ttl(meta)).toBe(1);
  });
});

describe('a renewal', () => {
  it.each<[boolean, string, SessionMeta, Partial<SessionLifetimeOptions>]>([
    [false, 'within a tenth of the idle timeout', { created: 1, seen: NOW - 100 }, {}],
    [true, 'after it', { created: 1, seen: NOW - 101 }, {}],
    [false, 'within a tenth of a lifetime of its own', { created: 1, seen: NOW - 6, lifetime: 60 }, {}],
    [true, 'after that', { created: 1, seen: NOW - 7, lifetime: 60 }, {}],
    [false, 'within a tenth of a longer one', { created: 1, seen: NOW - 999, lifetime: 9999 }, {}],
    [false, 'without rolling', { created: 1, seen: NOW - 999 }, { rolling: false }],
    [true, 'where the record does not say when it was renewed', { created: 1 }, {}],
    [true, 'where the record has no birth', { seen: NOW }, { rolling: false }],
    [false, 'where another clock is up to a minute ahead', { created: 1, seen: NOW + 60 }, {}],
    [true, 'where another clock is further ahead', { created: 1, seen: NOW + 61 }, {}],
    [true, 'where it is ahead by more than a tenth', { created: 1, seen: NOW + 11 }, { idleTimeout: 100 }],
    [false, 'where each write renews', { created: 1, seen: 1 }, { rolling: 'write' }],
    [true, 'there without a birth that is needed', {}, { rolling: 'write', absoluteTimeout: 9 }],
    [false, 'there with it', { created: 1 }, { rolling: 'write', absoluteTimeout: 9 }],
  ])('is due: %s, %s', (isDue, _when, meta, options) => {
    expect(lifetime(options).isRenewalDue(meta)).toBe(isDue);
  });

  it('keeps the birth and notes the time, in milliseconds that are rounded down', () => {
    vi.setSystemTime(NOW * 1000 + 1);
    expect(lifetime().metaAfterRenewal({ created: NOW - 9, seen: NOW - 9 })).toEqual({
      created: NOW - 9,
      seen: NOW + 0.001,
    });
    expect(lifetime().metaAfterRenewal({})).toEqual({ created: NOW + 0.001, seen: NOW + 0.001 });
  });

  it('puts a birth to come right', () => {
    expect(lifetime().metaAfterRenewal({ created: NOW + 9 })).toEqual({ created: NOW, seen: NOW });
  });

  it('notes no time where each write renews, and the birth where that is needed', () => {
    expect(lifetime({ rolling: 'write' }).metaAfterRenewal({})).toEqual({});
    expect(lifetime({ rolling: 'write', absoluteTimeout: 9 }).metaAfterRenewal({})).toEqual({ created: NOW });
  });
});

describe('a write without a renewal', () => {
  it('leaves the times as they are', () => {
    const meta = { created: 1, seen: 2 };
    expect(lifetime().metaAfterWrite(meta)).toBe(meta);
  });

  it('is one where each write renews', () => {
    expect(lifetime({ rolling: 'write', absoluteTimeout: 9 }).metaAfterWrite({})).toEqual({ created: NOW });
  });
});

describe('times to come, of another program or another clock', () => {
  it.each([
    [
      { created: NOW + 1, seen: NOW - 1 },
      { created: NOW, seen: NOW - 1 },
    ],
    [
      { created: NOW - 1, seen: NOW + 1 },
      { created: NOW - 1, seen: NOW },
    ],
    [{ seen: NOW + 1 }, { created: undefined, seen: NOW }],
  ])('%j count as %j', (meta, past) => {
    expect(lifetime().clampedToNow(meta)).toEqual(past);
  });

  it('are none where no time is to come', () => {
    const meta = { created: NOW, seen: NOW };
    expect(lifetime().clampedToNow(meta)).toBe(meta);
  });
});
