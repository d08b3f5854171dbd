import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { ChildProgram } from '../fixtures/child-program.js';
import type { Answer } from '../fixtures/client.js';
import { ProcessPair } from '../fixtures/process-pair.js';
import { buildSessionProgram, type SessionProcess } from '../fixtures/session-process.js';
import type { TcpProxy } from '../fixtures/tcp-proxy.js';

let program: ChildProgram;
let pair: ProcessPair;
let here: SessionProcess;
let there: SessionProcess;
let proxy: TcpProxy;

beforeAll(async () => {
  program = await buildSessionProgram();
});

afterAll(() => program.remove());

beforeEach(async () => {
  pair = await ProcessPair.start(program, ['bus', 'clusterBus', 'cutBus']);
  ({ here, there, proxy } = pair);
});

afterEach(() => pair.stop());

type Application = Parameters<SessionProcess['client']>[0];

/** A session, and its event streams in the other process. */
async function streams(application: Application, count: number): Promise<{ jar: Map<string, string>; open: Answer[] }> {
  const mine = here.client(application);
  await mine.get('/increment');
  const theirs = there.client(application, mine.jar);
  const open = await Promise.all(Array.from({ length: count }, () => theirs.get('/stream')));
  expect(open.map(({ status }) => status)).toEqual(open.map(() => 200));
  return { jar: mine.jar, open };
}

describe('a logout at one process', () => {
  it.each(['bus', 'clusterBus'] as const)(
    'ends the event streams at another one by the bus: %s',
    async (application) => {
      const { jar, open } = await streams(application, 3);
      await here.client(application, jar).post('/logout');
      for (const stream of open) await stream.text();
    },
  );

  it('ends them at once also where the bus has been subscribed to a moment before', async () => {
    for (let n = 0; n < 10; n++) {
      const { jar, open } = await streams('bus', 1);
      await here.client('bus', jar).post('/logout');
      await open[0]?.text();
    }
  });

  it('ends them by the recheck while the bus is cut, and logs out all the same', async () => {
    const { jar, open } = await streams('cutBus', 3);
    await proxy.stop();
    expect((await here.client('cutBus', jar).post('/logout')).status).toBe(201);
    for (const stream of open) await stream.text();
  });
});
