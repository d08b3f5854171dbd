import { hash } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { isTombstone } from '../../lib/engine/tombstone.js';
import { openBackEnd, sharedBackEnds, type OpenBackEnd } from '../fixtures/back-ends.js';
import { SessionProgram, type SessionProcess } from '../fixtures/session-process.js';

const PROCESSES = 4;
const KEYS = 50;
const INCREMENTS = 200;

describe.each(sharedBackEnds)('Four processes that share %s', (name) => {
  let program: SessionProgram;
  let processes: SessionProcess[];
  let backEnd: OpenBackEnd;

  beforeAll(async () => {
    [program, backEnd] = await Promise.all([SessionProgram.build(), openBackEnd(name)]);
    processes = await program.start(PROCESSES, name);
  });

  afterAll(async () => {
    await Promise.all(processes.map((process) => process.stop()));
    await program.remove();
    await backEnd.close();
  });

  const processOf = (request: number): SessionProcess => processes[request % PROCESSES]!;
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

  /** A new session, and what to send to be in it. */
  async function started(): Promise<string> {
    const client = processOf(0).client();
    await client.get('/increment');
    return client.cookieHeader;
  }

  async function read(cookie: string): Promise<Record<string, unknown>> {
    return (await processOf(1).client().get('/read', { cookie })).json();
  }

  it(`keep all ${KEYS} keys that ${KEYS} parallel requests set, and lose all that they delete`, async () => {
    const cookie = await started();
    for (const number of numbers(KEYS)) {
      await processOf(number).client().get(`/swap/none/old-${number}`, { cookie });
    }
    const answers = await Promise.all(
      numbers(KEYS).map((number) => processOf(number).client().get(`/swap/old-${number}/new-${number}`, { cookie })),
    );
    expect(answers.map(({ status }) => status)).toEqual(numbers(KEYS).map(() => 200));
    const { n: _n, ...kept } = await read(cookie);
    expect(Object.keys(kept).toSorted()).toEqual(
      numbers(KEYS)
        .map((number) => `new-${number}`)
        .toSorted(),
    );
  });

  it.each(['increment', 'increment-slowly'])(`count ${INCREMENTS} parallel calls of %s as as many`, async (route) => {
    const cookie = await started();
    const answers = await Promise.all(
      numbers(INCREMENTS).map((number) => processOf(number).client().get(`/${route}`, { cookie })),
    );
    expect(answers.filter(({ status }) => status !== 200)).toEqual([]);
    const counted = await Promise.all(answers.map(async (answer) => Number(await answer.text())));
    expect(counted.toSorted((a, b) => a - b)).toEqual(numbers(INCREMENTS).map((number) => number + 2));
    expect(await read(cookie)).toEqual({ n: INCREMENTS + 1 });
  });

  it('leave no session rather than two when one dies while it regenerates', async () => {
    const [victim] = await program.start(1, name);
    const cookie = await started();
    await expect(victim!.client().get('/die', { cookie })).rejects.toThrow();
    await victim!.ended();
    expect(await read(cookie)).toEqual({});
    const key = `session:${hash('sha256', cookie.replace('session=', ''), 'base64url')}`;
    expect(isTombstone((await backEnd.store.get(key)) ?? '')).toBe(true);
  });
});
