import { afterEach, describe, expect, it, vi } from 'vitest';

import { MemoryStore, SessionStoreError } from '../../../lib/index.js';
import { SessionHealth } from '../../../lib/nest/session-health.js';
import { TestEngine } from '../../fixtures/engine.js';
import { SpyStore } from '../../fixtures/spy-store.js';

afterEach(() => {
  vi.useRealTimers();
});

function healthOf(store: MemoryStore | SpyStore): SessionHealth {
  return new SessionHealth(new TestEngine(store).engine);
}

const ISO = expect.stringMatching(/^\d{4}-.*Z$/) as unknown;

describe('SessionHealth', () => {
  it('reads one key, and finds the store up', async () => {
    const store = new SpyStore();
    expect(await healthOf(store).isHealthy('kept')).toEqual({
      kept: { status: 'up', responseTime: expect.any(Number) },
    });
    expect(store.taken()).toBe('read');
  });

  it('has a key of its own where it is given none', async () => {
    expect(Object.keys(await healthOf(new SpyStore()).isHealthy())).toEqual(['sessions']);
  });

  it('finds a store down that fails, and tells the code alone', async () => {
    class DownStore extends SpyStore {
      override read(): never {
        throw Object.assign(new Error('redis://:passw0rd@host'), { code: 'ECONNRESET' });
      }
    }
    const found = await healthOf(new DownStore()).isHealthy('sessions');
    expect(found).toEqual({
      sessions: {
        status: 'down',
        responseTime: expect.any(Number),
        reason: 'ECONNRESET',
        lastError: { reason: 'ECONNRESET', since: ISO },
      },
    });
  });

  it('tells a failure that has no reason from a store that does not answer', async () => {
    class PlainStore extends SpyStore {
      override read(): never {
        throw new Error('no relation "secret"');
      }
    }
    expect(await healthOf(new PlainStore()).isHealthy()).toMatchObject({
      sessions: { status: 'down', reason: 'unknown', lastError: { reason: 'unknown' } },
    });
  });

  it('finds a store up again, and tells when it was not', async () => {
    const store = new SpyStore();
    const health = healthOf(store);
    store.failing.add('read');
    expect(await health.isHealthy()).toMatchObject({ sessions: { status: 'down', reason: 'unknown' } });
    store.failing.clear();
    // Within a second of the last failure it may yet be the same outage.
    expect(await health.isHealthy()).toMatchObject({ sessions: { status: 'up', lastError: { since: ISO } } });
    const later = performance.now() + 1001;
    vi.spyOn(performance, 'now').mockReturnValue(later);
    const { sessions } = await health.isHealthy();
    vi.restoreAllMocks();
    expect(sessions).toMatchObject({ status: 'up', lastError: { since: ISO, until: ISO } });
  });

  it('finds a back-end up that refuses writes, and tells of the refusal', async () => {
    class FullStore extends SpyStore {
      override create(): never {
        throw new SessionStoreError('full', {
          cause: Object.assign(new Error('a'), { code: 'ENOSPC' }),
          isRefusal: true,
        });
      }
    }
    const engine = new TestEngine(new FullStore());
    await engine.stored({ count: 1 }).catch(() => undefined);
    const { sessions } = await new SessionHealth(engine.engine).isHealthy();
    expect(sessions).toMatchObject({ status: 'up', lastError: { reason: 'ENOSPC', since: ISO } });
    expect(sessions.lastError).not.toHaveProperty('until');
  });

  it('finds a store of the application down that does not answer within five seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    class SilentStore extends SpyStore {
      override read(): Promise<never> {
        return new Promise(() => {});
      }
    }
    const asked = healthOf(new SilentStore()).isHealthy();
    vi.advanceTimersByTime(5000);
    expect(await asked).toMatchObject({ sessions: { status: 'down', reason: 'timeout' } });
    expect(vi.getTimerCount()).toBe(0);
  });
});
