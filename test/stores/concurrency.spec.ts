import { Controller, Get, Param } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { KeyedQueue } from '../../lib/engine/keyed-queue.js';
import type { OpenSession } from '../../lib/engine/open-session.js';
import { Session } from '../../lib/index.js';
import { isTextVersionedStore } from '../../lib/stores/session-store.js';
import { backEnds, openBackEnd, type OpenBackEnd } from '../fixtures/back-ends.js';
import { TestEngine } from '../fixtures/engine.js';
import { Gate } from '../fixtures/gate.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

const REQUESTS = 50;
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

interface Data {
  n: number;
  [key: string]: unknown;
}

/** Opens when all have come, so that every request has read before the first one saves. */
let gate: Gate;
function expectRequests(count: number): void {
  gate = new Gate(count);
  void gate.reached.then(() => gate.open());
}

@Controller()
class CrowdController {
  @Get('read')
  read(@Session() session: Session<Data>): object {
    return { ...session };
  }

  @Get('set/:key')
  set(@Session() session: Session<Data>, @Param('key') key: string): void {
    session[key] = true;
  }

  @Get('swap/:removed/:added')
  async swap(
    @Session() session: Session<Data>,
    @Param('removed') removed: string,
    @Param('added') added: string,
  ): Promise<void> {
    await gate.stop();
    delete session[removed];
    session[added] = true;
  }

  @Get('increment')
  async increment(@Session() session: Session<Data>): Promise<number> {
    await gate.stop();
    return session.update(async (data) => (data.n = (data.n ?? 0) + 1));
  }

  @Get('throw')
  async throwInUpdate(@Session() session: Session<Data>): Promise<void> {
    await gate.stop();
    await session.update((data) => {
      data.n = -1000;
      throw new Error('The function of the update has thrown.');
    });
  }
}

describe.each(backEnds)('Parallel requests on one session in %s', (name) => {
  describe.each(platforms)('on %s', (platform) => {
    let backEnd: OpenBackEnd;
    let store: SpyStore;
    let app: SessionApp;
    let cookie: string;

    beforeAll(async () => {
      backEnd = await openBackEnd(name);
      store = new SpyStore(backEnd.store);
      app = await SessionApp.start(platform, { session: { store }, controllers: [CrowdController] });
    });

    afterAll(async () => {
      await app.close();
      await backEnd.close();
    });

    beforeEach(async () => {
      const client = app.client();
      await client.get('/set/start');
      cookie = client.cookieHeader;
    });

    const get = (path: string): ReturnType<ReturnType<SessionApp['client']>['get']> =>
      app.client().get(path, { cookie });
    const read = async (): Promise<object> => (await get('/read')).json();
    const statuses = async (paths: string[]): Promise<number[]> => {
      const answers = await Promise.all(paths.map((path) => get(path)));
      return answers.map(({ status }) => status);
    };

    it('keep every key that one of them sets, and lose every key that one deletes', async () => {
      for (const number of numbers(REQUESTS)) await get(`/set/old-${number}`);
      expectRequests(REQUESTS);
      const answered = await statuses(numbers(REQUESTS).map((number) => `/swap/old-${number}/new-${number}`));
      expect(answered).toEqual(numbers(REQUESTS).map(() => 200));
      const expected = Object.fromEntries(numbers(REQUESTS).map((number) => [`new-${number}`, true]));
      expect(await read()).toEqual({ start: true, ...expected });
    });

    it('count every update', async () => {
      expectRequests(REQUESTS);
      expect(await statuses(numbers(REQUESTS).map(() => '/increment'))).toEqual(numbers(REQUESTS).map(() => 200));
      expect(await read()).toEqual({ start: true, n: REQUESTS });
    });

    it('are not disturbed by an update that throws', async () => {
      expectRequests(REQUESTS);
      const paths = numbers(REQUESTS).map((number) => (number % 2 === 0 ? '/increment' : '/throw'));
      expect((await statuses(paths)).toSorted((a, b) => a - b)).toEqual(
        numbers(REQUESTS).map((number) => (number < 25 ? 200 : 500)),
      );
      expect(await read()).toEqual({ start: true, n: REQUESTS / 2 });
    });
  });
});

/** The queue without its clock: how long a save takes on this machine does not matter here. */
describe.each(backEnds)('Saves of one process on one session in %s', (name) => {
  let backEnd: OpenBackEnd;
  let store: SpyStore;
  let engine: TestEngine;
  let opened: OpenSession[];

  beforeAll(async () => {
    backEnd = await openBackEnd(name);
  });

  afterAll(() => backEnd.close());

  beforeEach(async () => {
    store = new SpyStore(backEnd.store);
    engine = new TestEngine(store, {}, new KeyedQueue(3_600_000));
    const id = await engine.stored({ n: 0 });
    opened = await Promise.all(numbers(REQUESTS).map(() => engine.open(id)));
    store.calls.splice(0);
  });

  const allReplaced = numbers(REQUESTS).map(() => 'replaced');

  const reads = (): number => store.calls.filter((verb) => verb === 'read').length;
  /** Saves that wait read again where the store cannot tell the version of what the one before has written. */
  const readsOf = (saves: number): number => (isTextVersionedStore(store) ? 0 : saves);

  it('queue up instead of colliding: one that has waited writes for all that wait with it', async () => {
    await Promise.all(
      opened.map(async (open, number) => {
        open.live[`key-${number}`] = true;
        return open.commit();
      }),
    );
    expect([store.outcomes, reads()]).toEqual([['replaced', 'replaced'], readsOf(1)]);
    const seen = await engine.seen(opened[0]?.id ?? '');
    expect(Object.keys(seen ?? {})).toEqual(['n', ...numbers(REQUESTS).map((number) => `key-${number}`)]);
  });

  it('and so do updates, each of which writes for itself, and of which the first reads too', async () => {
    await Promise.all(opened.map((open) => open.live.update((data) => void (data.n = Number(data.n) + 1))));
    expect([store.outcomes, reads()]).toEqual([allReplaced, 1 + readsOf(REQUESTS - 1)]);
  });
});
