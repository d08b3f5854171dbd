import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { MemoryStore, type SessionModuleOptions } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
const WARNING = expect.stringContaining('`memory.snapshot` is given, but SIGTERM and SIGINT end this process');

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
    expect(await warningsAfterStart({ memory })).toEqual([WARNING]);
  });

  it('warns of the snapshot of a store that sessions leave', async () => {
    const migrateFrom = { store: 'memory', memory } as const;
    expect(await warningsAfterStart({ store: new MemoryStore(), migrateFrom })).toEqual([WARNING]);
  });

  it('says nothing where Nest listens, even if only since the start', async () => {
    expect(await warningsAfterStart({ memory }, ({ app: nest }) => nest.enableShutdownHooks())).toEqual([]);
  });

  it('says nothing where the application listens itself', async () => {
    process.once('SIGINT', () => undefined);
    expect(await warningsAfterStart({ memory })).toEqual([]);
    process.removeAllListeners('SIGINT');
  });

  it('says nothing once the application has closed itself', async () => {
    expect(await warningsAfterStart({ memory }, (started) => started.close())).toEqual([]);
  });

  it('says nothing without a snapshot, and starts no timer', async () => {
    expect(await warningsAfterStart({ memory: { max: 10 } }, () => expect(vi.getTimerCount()).toBe(0))).toEqual([]);
  });
});
