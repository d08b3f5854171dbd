import fs, {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi, type MockInstance } from 'vitest';

import {
  MemoryStore,
  SessionConfigurationError,
  SessionStoreError,
  type SessionModuleOptions,
} from '../../lib/index.js';
import { describeSessionStore } from '../../lib/testing/describe-session-store.js';
import { openBackEnd } from '../fixtures/back-ends.js';
import { runProgram, type ProgramResult } from '../fixtures/child-program.js';
import { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { storeRunner } from '../fixtures/store-runner.js';
import { UserController } from '../fixtures/user-controller.js';

let folder: string;
let path: string;
let warn: MockInstance<typeof process.emitWarning>;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nest-session-snapshot-'));
  path = join(folder, 'sessions');
  warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

describeSessionStore(
  'MemoryStore with a snapshot: every promise',
  async () => ({ store: new MemoryStore({ snapshot: join(tmpdir(), `never-written-${process.pid}`) }) }),
  storeRunner,
);

function fileIn(place: string): string {
  writeFileSync(join(place, 'file'), '');
  return join(place, 'file');
}

/** In a folder that nobody may write to; root, which may all the same, becomes another user meanwhile. */
function asAnotherUser(run: () => unknown): () => void {
  return () => {
    chmodSync(folder, 0o555);
    if (process.getuid?.() === 0) process.seteuid?.(65_534);
    try {
      run();
    } finally {
      if (process.getuid?.() === 0) process.seteuid?.(0);
      chmodSync(folder, 0o700);
    }
  };
}

/** What a restart brings back. */
async function restarted(store: MemoryStore): Promise<MemoryStore> {
  await store.close();
  return new MemoryStore({ snapshot: path });
}

/** Another process takes the snapshot, does something with its store, and is killed. */
function startAndKill(act: string): Promise<ProgramResult> {
  const source = `
    import { MemoryStore } from '~/lib/index.js';
    const store = new MemoryStore({ snapshot: process.env.SNAPSHOT });
    if ((await store.get('key')) !== 'text') throw new Error('not there');
    ${act}
    process.kill(process.pid, 'SIGKILL');
  `;
  return runProgram(source, { env: { SNAPSHOT: path }, drivers: 'installed' });
}

const warnings = (): string => warn.mock.calls.map(([message]) => String(message)).join('\n');

describe('the snapshot of a MemoryStore', () => {
  it('brings back what was in it, whatever the text, and is gone from the first change on', async () => {
    const store = new MemoryStore({ snapshot: path });
    const values = ['plain', '', 'a\u0000b', '\uD800 alone', 'ü 🍵\n\r\u2028', 'x'.repeat(100_000)];
    for (const [at, value] of values.entries()) await store.create(`k${at}\uDC00`, value, 60);
    await store.set('application', 'value');
    const next = await restarted(store);
    expect(await Promise.all(values.map((_, at) => next.get(`k${at}\uDC00`)))).toEqual(values);
    expect(await next.get('application')).toBe('value');
    await next.delete('application');
    expect(readdirSync(folder)).toEqual([]);
    expect(warn).not.toHaveBeenCalled();
  });

  it('holds thousands of records, and drops those first that were unused for longest', async () => {
    const store = new MemoryStore({ snapshot: path });
    for (let at = 0; at < 2500; at++) await store.create(`${at}`, 'text', 60);
    await store.get('0');
    await store.close();
    const next = new MemoryStore({ snapshot: path, max: 2 });
    expect([await next.get('0'), await next.get('2499'), await next.get('2498')]).toEqual(['text', 'text', undefined]);
  });

  it('lets the time go by that lies between two processes', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    const store = new MemoryStore({ snapshot: path });
    await store.create('short', 'text', 10);
    await store.create('long', 'text', 100);
    vi.advanceTimersByTime(5000);
    await store.close();
    vi.advanceTimersByTime(50_000);
    const next = new MemoryStore({ snapshot: path });
    expect([await next.get('short'), await next.get('long')]).toEqual([undefined, 'text']);
    vi.advanceTimersByTime(45_001);
    expect(await next.get('long')).toBeUndefined();
  });

  it('is readable by its owner alone', async () => {
    const store = new MemoryStore({ snapshot: path });
    await store.create('key', 'text', 60);
    await store.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('ends the store, as what changes afterwards would not be in it', async () => {
    const store = new MemoryStore({ snapshot: path });
    await store.close();
    await store.close();
    const calls = [store.get('k'), store.set('k', 'v'), store.delete('k'), store.read('k'), store.create('k', 'v', 1)];
    for (const call of [...calls, store.replace('k', 'v', 1, 1)]) await expect(call).rejects.toThrow(SessionStoreError);
  });

  it('is taken by one of two stores', async () => {
    const store = new MemoryStore({ snapshot: path });
    await store.create('key', 'text', 60);
    await store.close();
    const [one, other] = [new MemoryStore({ snapshot: path }), new MemoryStore({ snapshot: path })];
    expect([await one.get('key'), await other.get('key')]).toEqual(['text', undefined]);
  });

  it.each([
    ['no snapshot', '{"name":"package"}'],
    ['an empty file', ''],
  ])('leaves %s alone that lies in its place, at the start and at the end, and says so', async (_what, text) => {
    writeFileSync(path, text, { mode: 0o600 });
    const store = new MemoryStore({ snapshot: path });
    await store.create('key', 'text', 60);
    await store.close();
    expect([readFileSync(path, 'utf8'), readdirSync(folder)]).toEqual([text, ['sessions']]);
    expect(warnings()).toContain('is no snapshot, and stays as it is');
  });

  it.each([
    ['cut off', (text: string) => text.slice(0, -20)],
    ['without its last line', (text: string) => `${text.trimEnd().split('\n').slice(0, -1).join('\n')}\n`],
    ['with a line less', (text: string) => text.split('\n').toSpliced(1, 1).join('\n')],
    ['with something else in it', (text: string) => text.replace('"session"', '"else"')],
  ])('starts empty from one that is %s, and keeps the file aside', async (_how, damage) => {
    const store = new MemoryStore({ snapshot: path });
    await store.create('one', 'text', 60);
    await store.create('two', 'text', 60);
    await store.close();
    writeFileSync(path, damage(readFileSync(path, 'utf8')));
    const next = new MemoryStore({ snapshot: path });
    expect([await next.get('one'), await next.get('two'), existsSync(path)]).toEqual([undefined, undefined, false]);
    expect(warnings()).toMatch(/is damaged: the store starts empty\. The file is kept as .*sessions\.\w+/);
    expect(readdirSync(folder)).toHaveLength(1);
  });

  it('trusts no file that others may write, and follows no link', async () => {
    const store = new MemoryStore({ snapshot: path });
    await store.create('key', 'text', 60);
    await store.close();
    chmodSync(path, 0o620);
    expect(await new MemoryStore({ snapshot: path }).get('key')).toBeUndefined();
    expect(warnings()).toContain('others may read or write it');
    chmodSync(path, 0o600);
    symlinkSync(path, join(folder, 'link'));
    expect(await new MemoryStore({ snapshot: join(folder, 'link') }).get('key')).toBeUndefined();
    expect(warnings()).toContain('cannot be read (ELOOP)');
  });

  it('warns where it cannot be written, and lets the shutdown go on', async () => {
    const later = join(folder, 'later');
    mkdirSync(later);
    const store = new MemoryStore({ snapshot: join(later, 'sessions') });
    await store.create('key', 'text', 60);
    rmdirSync(later);
    await store.close();
    expect(warnings()).toContain('cannot be written (ENOENT): the sessions are lost');
  });

  it('is where it was at the start, wherever the process has gone since', async () => {
    const before = process.cwd();
    process.chdir(folder);
    try {
      const store = new MemoryStore({ snapshot: 'sessions' });
      process.chdir(tmpdir());
      await store.close();
    } finally {
      process.chdir(before);
    }
    expect(existsSync(path)).toBe(true);
  });

  it.each<[string, () => string, () => string]>([
    [
      'without its folder',
      () => join(folder, 'none', 's'),
      () => `there is no directory ${join(folder, 'none')}: make it, or`,
    ],
    [
      'below a file',
      () => join(fileIn(folder), 's'),
      () => `${join(folder, 'file')} is a file, or below one: name another`,
    ],
    ['that is a directory', () => folder, () => `it is a directory: name a file in it, such as ${path}`],
    ['with too long a name', () => join(folder, 's'.repeat(240)), () => 'ENAMETOOLONG: name another path'],
    ['with a zero byte', () => 'a\0b', () => 'ERR_INVALID_ARG_VALUE: name another path'],
  ])('refuses at the start a path %s, and says what to do', (_what, pathOf, reason) => {
    const snapshot = pathOf();
    const start = (): unknown => new MemoryStore({ snapshot });
    expect(start).toThrow(SessionConfigurationError);
    expect(start).toThrow(`The memory store cannot write the snapshot ${resolve(snapshot)}: ${reason()}`);
    expect(readdirSync(folder).filter((name) => name !== 'file')).toEqual([]);
  });

  it('refuses at the start a folder that this process may not write to, and leaves what is there', async () => {
    const store = new MemoryStore({ snapshot: path });
    await store.create('key', 'text', 60);
    await store.close();
    expect(asAnotherUser(() => new MemoryStore({ snapshot: path }))).toThrow(
      `this process may not write to ${folder} (EACCES): let it, or name another path`,
    );
    expect(await new MemoryStore({ snapshot: path }).get('key')).toBe('text');
  });

  it.each(['ENOSPC', 'EDQUOT'])(
    'lets an application start on a disk that is full (%s) and may have room later',
    async (code) => {
      const full = vi.spyOn(fs, 'openSync').mockImplementation(() => {
        throw Object.assign(new Error(code), { code });
      });
      syncBuiltinESMExports();
      let store: MemoryStore;
      try {
        store = new MemoryStore({ snapshot: path });
        expect(full).toHaveBeenCalled();
      } finally {
        full.mockRestore();
        syncBuiltinESMExports();
      }
      await store.create('key', 'text', 60);
      await store.close();
      expect(await new MemoryStore({ snapshot: path }).get('key')).toBe('text');
    },
  );

  it.each(['', 1, null])('refuses %j as its path', (snapshot) => {
    expect(() => new MemoryStore({ snapshot: snapshot as never })).toThrow(SessionConfigurationError);
  });

  it('is left to the next start by a start that fails before anything changes', async () => {
    const store = new MemoryStore({ snapshot: path });
    await store.create('key', 'text', 60);
    await store.close();
    await startAndKill('');
    const [next, other] = [new MemoryStore({ snapshot: path }), new MemoryStore({ snapshot: path })];
    expect([await next.get('key'), await other.get('key')]).toEqual(['text', undefined]);
    await next.delete('key');
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is not written by a process that is killed, which leaves none to bring a session back that had ended', async () => {
    const store = new MemoryStore({ snapshot: path });
    await store.create('key', 'text', 60);
    await store.close();
    const { stderr } = await startAndKill("await store.delete('key');");
    expect(stderr).toBe('');
    expect(await new MemoryStore({ snapshot: path }).get('key')).toBeUndefined();
  });
});

describe.each(platforms)('an application in memory on %s', (platform) => {
  function start(session: SessionModuleOptions): Promise<SessionApp> {
    const user: SessionModuleOptions['user'] = (data) => data.user as string | undefined;
    return SessionApp.start(platform, { session: { user, ...session }, controllers: [UserController] });
  }

  async function me(app: SessionApp, jar: Map<string, string>): Promise<unknown> {
    return (await new Client(app.port, jar).get('/me')).json();
  }

  it('keeps its users signed in over a restart, and then over its move to another store', async () => {
    const memory = { snapshot: path };
    const first = await start({ memory });
    const client = first.client();
    await client.post('/sign-in/ada');
    const { jar } = client;
    await first.close();
    const second = await start({ store: 'memory', memory });
    expect(await me(second, jar)).toEqual({ user: 'ada' });
    await second.close();

    const redis = await openBackEnd('redis');
    const keyPrefix = `snapshot-${Math.random()}:`;
    const migrateFrom = { store: 'memory', memory, keyPrefix: 'session:' } as const;
    const third = await start({ store: redis.store, keyPrefix, migrateFrom });
    await third.close();
    // Who has not come yet is in the file again.
    const fourth = await start({ store: redis.store, keyPrefix, migrateFrom });
    expect(await me(fourth, jar)).toEqual({ user: 'ada' });
    expect(await (await new Client(fourth.port, jar).get('/list/ada')).json()).toHaveLength(1);
    await fourth.close();
    const last = await start({ store: redis.store, keyPrefix });
    expect(await me(last, jar)).toEqual({ user: 'ada' });
    await last.close();
    await redis.close();
  });
});
