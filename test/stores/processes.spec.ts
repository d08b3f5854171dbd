import { hash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { isTombstone } from '../../lib/session/tombstone.js';
import { atOnce, openBackEnd, sharedBackEnds, type OpenBackEnd } from '../fixtures/back-ends.js';
import type { ChildProgram } from '../fixtures/child-program.js';
import type { Client } from '../fixtures/client.js';
import { buildSessionProgram, SessionProcess } from '../fixtures/session-process.js';

const PROCESSES = 4;
const KEYS = 50;

const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

let program: ChildProgram;
let processes: SessionProcess[];

beforeAll(async () => {
  program = await buildSessionProgram();
  processes = await Promise.all(numbers(PROCESSES).map(() => SessionProcess.start(program, { only: sharedBackEnds })));
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
