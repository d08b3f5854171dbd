import { readFileSync } from 'node:fs';

import { afterEach, describe, expect, it, vi } from 'vitest';

import type { SessionModuleOptions } from '../../lib/index.js';
import { SpyStore } from '../fixtures/spy-store.js';
import { AccountApps } from '../security/account-apps.js';
import { listed, ownerOf, signIn, someone, UserSessionsController } from '../security/user-apps.js';

const page = readFileSync(new URL('../../docs/user-sessions.md', import.meta.url), 'utf8');

/** The columns of the table. */
const COLUMNS: readonly SessionModuleOptions[] = [
  {},
  { user: ownerOf },
  { user: { of: ownerOf, verify: 'read' } },
  { user: { of: ownerOf, verify: 'read', generation: true } },
];

/** A row of the table, and what to do before its request is counted: it returns what to do then. */
const ROWS: Readonly<Record<string, (apps: AccountApps) => Promise<() => Promise<unknown>>>> = {
  'a request without the session': async ({ first }) => {
    const own = await signIn(first, someone());
    return () => own.get('/plain');
  },
  'reads the session': async ({ first }) => {
    const own = await signIn(first, someone());
    return () => own.get('/me');
  },
  'writes to it': async ({ first }) => {
    const own = await signIn(first, someone());
    return () => own.post('/cart?item=tea');
  },
  'renews it, once in a tenth of the idle timeout': async ({ first }) => {
    const own = await signIn(first, someone());
    const later = Date.now() + 2 * 24 * 60 * 60 * 1000;
    vi.spyOn(Date, 'now').mockImplementation(() => later);
    return () => own.get('/me');
  },
  'signs in, without a session before': async ({ first }) => {
    await signIn(first, someone()); // the first of all makes the generation
    return () => signIn(first, someone());
  },
  'signs in over a session, by `regenerate`': async ({ first }) => {
    const name = someone();
    const own = await signIn(first, name);
    return () => own.post(`/login?name=${name}`);
  },
  'signs out': async ({ first }) => {
    const own = await signIn(first, someone());
    return () => own.post('/logout');
  },
  '`list`, with 5 sessions': async ({ first }) => {
    const name = someone();
    const own = await signIn(first, name);
    for (let at = 0; at < 4; at++) await signIn(first, name);
    return () => own.get('/sessions');
  },
  '`end`': async ({ first }) => {
    const name = someone();
    const [own, other] = [await signIn(first, name), await signIn(first, name)];
    const handle = (await listed(other)).find(({ isCurrent }) => isCurrent)?.handle;
    return () => own.post(`/sessions/end?handle=${handle}`);
  },
  '`endAll`, of 4 others': async ({ first }) => {
    const name = someone();
    const own = await signIn(first, name);
    for (let at = 0; at < 4; at++) await signIn(first, name);
    return () => own.post('/sessions/end-others');
  },
};

describe('the table of commands in docs/user-sessions.md', () => {
  let apps: AccountApps;

  afterEach(async () => {
    vi.restoreAllMocks();
    await apps.close();
  });

  it.each(Object.entries(ROWS))('%s', async (row, prepare) => {
    const [, ...shown] = (page.split('\n').find((line) => line.startsWith(`| ${row} `)) ?? '').split('|').slice(1, -1);
    const counts: string[] = [];
    for (const [at, session] of COLUMNS.entries()) {
      if (shown[at]?.trim() === '') {
        counts.push('');
        continue;
      }
      const store = new SpyStore();
      const controllers = session.user === undefined ? [] : [UserSessionsController];
      apps = await AccountApps.start('express', 'memory', { store, ...session }, { controllers });
      const request = await prepare(apps);
      store.taken();
      await request();
      counts.push(String(store.taken().split(' ').filter(Boolean).length));
      vi.restoreAllMocks();
      await apps.close();
    }
    expect(counts).toEqual(shown.map((cell) => cell.trim()));
  });
});
