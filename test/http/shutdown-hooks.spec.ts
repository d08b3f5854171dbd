import { mkdtempSync, rmSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import threads from 'node:worker_threads';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { MemoryStore, type SessionModuleOptions } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

function warningOf(option: string): unknown {
  return expect.stringMatching(`^\`${option}\` is given, but SIGTERM ends this process before it is written`);
}

describe.each(platforms)('an application with a snapshot on %s', (platform) => {
  let folder: string;
  let memory: { snapshot: string };
  let app: SessionApp | undefined;
  let others: (readonly [(typeof SIGNALS)[number], NodeJS.SignalsListener[]])[];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nest-session-hooks-'));
    memory = { snapshot: join(folder, 'sessions') };
    // Those of the test run itself.
    others = SIGNALS.map((signal) => [signal, process.listeners(signal)]);
    for (const signal of SIGNALS) process.removeAllListeners(signal);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  });

  afterEach(async () => {
    vi.useRealTimers();
    Object.assign(threads, { isMainThread: true });
    syncBuiltinESMExports();
    await app?.close();
    app = undefined;
    for (const [signal, listeners] of others) for (const listener of listeners) process.on(signal, listener);
    rmSync(folder, { recursive: true });
  });

  async function warningsAfterStart(
    session: SessionModuleOptions,
    then?: (app: SessionApp) => unknown,
  ): Promise<unknown> {
    app = await SessionApp.start(platform, { session });
    await then?.(app);
    vi.advanceTimersByTime(60_000);
    return app.warnings;
  }

  it('warns once, after a while, that nothing would write it when a signal comes', async () => {
    expect(await warningsAfterStart({ memory })).toEqual([warningOf('memory.snapshot')]);
  });

  it('warns of the snapshot of a store that sessions leave', async () => {
    const migrateFrom = { store: 'memory', memory } as const;
    expect(await warningsAfterStart({ store: new MemoryStore(), migrateFrom })).toEqual([
      warningOf('migrateFrom.memory.snapshot'),
    ]);
  });

  it('warns of the snapshot of a store that sessions will move to', async () => {
    const migrateTo = { store: 'memory', memory } as const;
    expect(await warningsAfterStart({ store: new MemoryStore(), migrateTo })).toEqual([
      warningOf('migrateTo.memory.snapshot'),
    ]);
  });

  it('warns where SIGINT alone has a listener, of another package or of Nest', async () => {
    process.once('SIGINT', () => undefined);
    const warnings = await warningsAfterStart({ memory }, ({ app: nest }) => nest.enableShutdownHooks(['SIGINT']));
    process.removeAllListeners('SIGINT');
    expect(warnings).toEqual([warningOf('memory.snapshot')]);
  });

  it('says nothing where Nest listens, even if only since the start', async () => {
    expect(await warningsAfterStart({ memory }, ({ app: nest }) => nest.enableShutdownHooks())).toEqual([]);
  });

  it('says nothing where the application listens itself', async () => {
    process.once('SIGTERM', () => undefined);
    const warnings = await warningsAfterStart({ memory });
    process.removeAllListeners('SIGTERM');
    expect(warnings).toEqual([]);
  });

  it('says nothing in a worker thread, in which no signal has a listener', async () => {
    Object.assign(threads, { isMainThread: false });
    syncBuiltinESMExports();
    expect(await warningsAfterStart({ memory }, () => expect(vi.getTimerCount()).toBe(0))).toEqual([]);
  });

  it('says nothing once the application has closed itself', async () => {
    expect(await warningsAfterStart({ memory }, (started) => started.close())).toEqual([]);
  });

  it('says nothing without a snapshot, and starts no timer', async () => {
    expect(await warningsAfterStart({ memory: { max: 10 } }, () => expect(vi.getTimerCount()).toBe(0))).toEqual([]);
  });
});
