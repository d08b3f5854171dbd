import { hash } from 'node:crypto';
import { EventEmitter } from 'node:events';

import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { SignalScope } from '../../../lib/engine/signal-scope.js';
import { SessionStoreError, type SessionBus, type SessionBusListener, type SessionEnding } from '../../../lib/index.js';
import { TestEngine } from '../../fixtures/engine.js';
import { SpyStore } from '../../fixtures/spy-store.js';

const RECHECK_SECONDS = 30;
const IDLE_SECONDS = 70;

/** Loses messages while it is told to, and hands some out late. */
class LossyBus implements SessionBus {
  readonly #listeners = new Set<SessionBusListener>();
  isLossy = false;

  async publish(ending: SessionEnding): Promise<void> {
    if (this.isLossy) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
    this.say(ending);
  }

  subscribe(listener: SessionBusListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  say(ending: SessionEnding): void {
    for (const listener of this.#listeners) listener.ended(ending);
  }

  catchUp(): void {
    this.isLossy = false;
    for (const listener of this.#listeners) listener.missed();
  }
}

class Connection extends EventEmitter implements SignalScope {
  readonly owner = this;
  isClosed = false;

  onClose(listener: () => void): void {
    this.once('close', listener);
  }

  close(): void {
    this.isClosed = true;
    this.emit('close');
  }
}

interface Stream {
  readonly id: string;
  readonly signal: AbortSignal;
  readonly connection: Connection;
  aborts: number;
}

const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('watch' as const), at: fc.nat(1), which: fc.nat() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('destroy', 'regenerate', 'empty', 'renew', 'delete', 'lie', 'leave'),
      at: fc.nat(1),
      which: fc.nat(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom('new', 'outage', 'mend', 'lose', 'catchUp'),
      at: fc.nat(1),
      which: fc.nat(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), at: fc.nat(1), which: fc.nat(40_000) }) },
);

type Step = typeof anyStep extends fc.Arbitrary<infer S> ? S : never;

/** Two processes on one store and one bus, and the streams that are open in them. */
class World {
  readonly store = new SpyStore();
  readonly bus = new LossyBus();
  readonly engines: readonly TestEngine[];
  /** Looks at the store beside everything. */
  readonly #probe = new TestEngine(this.store.inner, { idleTimeout: IDLE_SECONDS });
  readonly ids: string[] = [];
  readonly streams: Stream[] = [];
  readonly connections: Connection[] = [];

  constructor() {
    const options = { bus: this.bus, recheck: RECHECK_SECONDS, idleTimeout: IDLE_SECONDS };
    this.engines = [new TestEngine(this.store, options), new TestEngine(this.store, options)];
  }

  async take({ do: what, at, which }: Step): Promise<void> {
    const engine = this.engines[at] as TestEngine;
    const id = this.ids[which % Math.max(1, this.ids.length)];
    switch (what) {
      case 'wait':
        return void (await vi.advanceTimersByTimeAsync(which));
      case 'outage':
        return void (this.store.failing = new Set(['read', 'set', 'replace', 'delete', 'create']));
      case 'mend':
        return this.store.failing.clear();
      case 'lose':
        return void (this.bus.isLossy = true);
      case 'catchUp':
        return this.bus.catchUp();
      case 'new':
        return void this.ids.push(await engine.stored({ user: 'ada' }));
      case 'leave':
        return this.streams[which % Math.max(1, this.streams.length)]?.connection.close();
      default:
        if (id !== undefined) await this.#use(what, engine, id);
    }
  }

  async #use(what: Step['do'], engine: TestEngine, id: string): Promise<void> {
    if (what === 'delete') return void (await this.store.inner.delete(engine.records.keyOf(id)));
    if (what === 'lie') {
      return this.bus.say({ session: hash('sha256', engine.records.keyOf(id), 'base64url'), reason: 'destroyed' });
    }
    const connection = new Connection();
    const open = await engine.open(id, { signalScope: () => connection });
    if (what === 'watch') return this.#watch(id, open.live.signal, connection);
    if (what === 'destroy') await open.live.destroy();
    if (what === 'regenerate') await open.live.regenerate({ keep: true });
    if (what === 'empty') delete open.live.user;
    if (what === 'renew') open.live.touch();
    await open.commit();
    if (what === 'regenerate' && !open.isNew) this.ids.push(open.id);
  }

  #watch(id: string, signal: AbortSignal, connection: Connection): void {
    this.connections.push(connection);
    const stream: Stream = { id, signal, connection, aborts: 0 };
    signal.addEventListener('abort', () => stream.aborts++);
    // That of a request whose session has ended is a new session's, or has aborted already.
    void this.isAlive(id).then((isAlive) => isAlive && this.streams.push(stream));
  }

  async isAlive(id: string): Promise<boolean> {
    return !(await this.#probe.open(id)).isNew;
  }
}

describe('the signals of two processes', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
  });

  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  it('never tell the end of a session that lives, and always tell the end of one that does not', async () => {
    const told = { ended: 0, alive: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 40 }), async (steps) => {
        const world = new World();
        await world.take({ do: 'new', at: 0, which: 0 });
        for (const step of steps) {
          await world.take(step).catch(mayFail);
          for (const { id, signal } of world.streams) if (signal.aborted) expect(await world.isAlive(id)).toBe(false);
        }
        world.store.failing.clear();
        await vi.advanceTimersByTimeAsync(2 * RECHECK_SECONDS * 1000 + 1000);
        for (const { id, signal, connection, aborts } of world.streams) {
          const isAlive = await world.isAlive(id);
          if (!connection.isClosed) expect(signal.aborted).toBe(!isAlive);
          expect(aborts).toBe(signal.aborted ? 1 : 0);
          told[isAlive ? 'alive' : 'ended']++;
        }
        for (const connection of world.connections) connection.close();
        await vi.advanceTimersByTimeAsync(0);
        expect(world.engines.map(({ endings }) => endings.size)).toEqual([0, 0]);
      }),
      { numRuns: 300 },
    );
    expect(Math.min(told.ended, told.alive)).toBeGreaterThan(20);
  });
});

/** During an outage, or where another request was first. */
function mayFail(error: unknown): void {
  if (error instanceof SessionStoreError || (error as { code?: string }).code === 'SESSION_DESTROYED') return;
  throw error;
}
