import { hash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { isTombstone } from '../../lib/session/tombstone.js';
import { atOnce, openBackEnd, sharedBackEnds, type OpenBackEnd } from '../fixtures/back-ends.js';
import type { ChildProgram } from '../fixtures/child-program.js';
import type { Client } from '../fixtures/client.js';
import { buildSessionProgram, SessionProcess } from '../fixtures/session-process.js';

const PROCESSES = 4;
/** The versions of an application whose sessions move. */
const MOVES = ['before', 'following', 'moving', 'after'];
const KEYS = 50;

const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

let program: ChildProgram;
let processes: SessionProcess[];

beforeAll(async () => {
  program = await buildSessionProgram();
  const only = [...sharedBackEnds, ...MOVES];
  processes = await Promise.all(numbers(PROCESSES).map(() => SessionProcess.start(program, { only })));
});

afterAll(async () => {
  await Promise.all(processes.map((process) => process.stop()));
  await program.remove();
});

describe.each(sharedBackEnds)('Four processes that share %s', (name) => {
  const increments = atOnce(name);
  let backEnd: OpenBackEnd;

  beforeAll(async () => {
    backEnd = await openBackEnd(name);
  });

  afterAll(() => backEnd.close());

  /** The client of one process after the other. */
  const clientOf = (request: number): Client => processes[request % PROCESSES]!.client(name);

  /** A new session, and what to send to be in it. */
  async function started(): Promise<string> {
    const client = clientOf(0);
    await client.get('/increment');
    return client.cookieHeader;
  }

  async function read(cookie: string): Promise<Record<string, unknown>> {
    return (await clientOf(1).get('/read', { cookie })).json();
  }

  it(`keep all ${KEYS} keys that ${KEYS} parallel requests set, and lose all that they delete`, async () => {
    const cookie = await started();
    for (const number of numbers(KEYS)) {
      await clientOf(number).get(`/swap/none/old-${number}`, { cookie });
    }
    const answers = await Promise.all(
      numbers(KEYS).map((number) => clientOf(number).get(`/swap/old-${number}/new-${number}`, { cookie })),
    );
    expect(answers.map(({ status }) => status)).toEqual(numbers(KEYS).map(() => 200));
    const { n: _n, ...kept } = await read(cookie);
    expect(Object.keys(kept).toSorted()).toEqual(
      numbers(KEYS)
        .map((number) => `new-${number}`)
        .toSorted(),
    );
  });

  it.each(['increment', 'increment-slowly'])(`count ${increments} parallel calls of %s as as many`, async (route) => {
    const cookie = await started();
    const answers = await Promise.all(
      numbers(increments).map((number) => clientOf(number).get(`/${route}`, { cookie })),
    );
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const counted = await Promise.all(answers.map(async (answer) => Number(await answer.text())));
    expect(counted.toSorted((a, b) => a - b)).toEqual(numbers(increments).map((number) => number + 2));
    expect(await read(cookie)).toEqual({ n: increments + 1 });
  });

  it('leave no session rather than two when one dies while it regenerates', async () => {
    const victim = await SessionProcess.start(program, { only: [name] });
    const cookie = await started();
    await expect(victim.client(name).get('/die', { cookie })).rejects.toThrow();
    await victim.ended();
    expect(await read(cookie)).toEqual({});
    const key = `session:${hash('sha256', cookie.replace('session=', ''), 'base64url')}`;
    expect(isTombstone((await backEnd.store.get(key)) ?? '')).toBe(true);
  });
});

describe.each([
  ['all of which move sessions', ['moving', 'moving', 'moving', 'moving']],
  ['two of which only follow sessions', ['following', 'moving', 'following', 'moving']],
])('Four processes, %s from Redis to PostgreSQL,', (_how, versions) => {
  const SESSIONS = 10;
  /** Of each session. */
  const REQUESTS = 10;

  const get = (request: number, path: string, cookie: string): ReturnType<Client['get']> =>
    processes[request % PROCESSES]!.client(versions[request % PROCESSES]!).get(path, { cookie });

  /** What a session has in it, for each process, and for one that knows one of the two stores alone. */
  async function seen(cookie: string, alone: 'before' | 'after'): Promise<unknown[]> {
    const answers = numbers(PROCESSES).map((process) => get(process, '/read', cookie));
    return Promise.all(
      [...answers, processes[0]!.client(alone).get('/read', { cookie })].map(async (answer) => (await answer).json()),
    );
  }

  /** Sessions that none of them has met yet. */
  const started = (): Promise<string[]> =>
    Promise.all(
      numbers(SESSIONS).map(async (number) => {
        const client = processes[number % PROCESSES]!.client('before');
        await client.get('/increment');
        return client.cookieHeader;
      }),
    );

  it('keep every key that is set, and count every update, while the sessions move', async () => {
    const cookies = await started();
    const paths = (number: number): string => (number % 2 === 0 ? '/increment' : `/swap/none/key-${number}`);
    const answers = await Promise.all(
      numbers(REQUESTS).flatMap((number) => cookies.map((cookie, at) => get(number + at, paths(number), cookie))),
    );
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const keys = numbers(REQUESTS).flatMap((number) => (number % 2 === 0 ? [] : [[`key-${number}`, true]]));
    const whole = { n: 1 + REQUESTS / 2, ...Object.fromEntries(keys) };
    for (const cookie of cookies) expect(await seen(cookie, 'after')).toEqual(numbers(5).map(() => whole));
  });

  it('undo no logout of a session that moves at this moment', async () => {
    const cookies = await started();
    const requests = cookies.map(async (cookie, at) => {
      const some = (count: number): unknown =>
        Promise.all(numbers(count).map((number) => get(number + at, `/swap/none/late-${number}`, cookie)));
      const before = some(at % 6);
      const client = processes[(at >> 1) % PROCESSES]!.client(versions[(at >> 1) % PROCESSES]!);
      const [answer] = await Promise.all([client.post('/logout', { cookie }), before, some(6)]);
      return answer.status;
    });
    expect(await Promise.all(requests)).toEqual(cookies.map(() => 201));
    for (const alone of ['before', 'after'] as const) {
      for (const cookie of cookies) expect(await seen(cookie, alone)).toEqual(numbers(5).map(() => ({})));
    }
  });

  it('lose no session, and none of its updates, when one is killed while it moves sessions', async () => {
    const cookies = await started();
    const victim = await SessionProcess.start(program, { only: MOVES });
    const answers = cookies.map((cookie) => victim.client('moving').get('/increment', { cookie }));
    await Promise.race(answers);
    await victim.kill();
    const counted = (await Promise.allSettled(answers)).map(
      (answer) => answer.status === 'fulfilled' && answer.value.status === 200,
    );
    const next = await Promise.all(cookies.map((cookie, at) => get(at, '/increment', cookie)));
    expect(next.map(({ status }) => status)).toEqual(cookies.map(() => 200));
    for (const [at, cookie] of cookies.entries()) {
      const [{ n }] = (await seen(cookie, 'after')) as [{ n: number }];
      // An update without an answer may have been saved.
      expect(counted[at] ? [3] : [2, 3]).toContain(n);
    }
  });
});
