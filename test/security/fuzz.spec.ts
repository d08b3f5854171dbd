import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';

import { EngineCase, REQUESTS, type Outcome } from './fuzz/engine-case.js';
import { HttpRoad, roadSetups } from './fuzz/http-road.js';
import { SeededRandom } from './fuzz/seeded-random.js';

/** What makes the run repeatable: `SEED=… FUZZ_FIRST=… FUZZ_CASES=1` runs one case again. By default another one each day. */
const SEED = process.env['SEED'] ?? new Date().toISOString().slice(0, 10);
const FIRST = Number(process.env['FUZZ_FIRST'] ?? 0);
const CASES = Number(process.env['FUZZ_CASES'] ?? 20_000);
/** Of so many cases one goes all the way over HTTP. */
const HTTP_SHARE = 20;
const TIME = 60_000 + CASES * 10;

const rejections: unknown[] = [];
const note = (reason: unknown): void => void rejections.push(reason);

beforeAll(() => {
  process.on('unhandledRejection', note);
  console.info(`fuzz: SEED=${SEED} FUZZ_FIRST=${FIRST} FUZZ_CASES=${CASES}`);
});

afterAll(() => {
  process.off('unhandledRejection', note);
  expect(rejections).toEqual([]);
});

describe('no cookie and no record, however malformed,', () => {
  it(
    'makes the engine fail, adopt an id, show a session to another user or tell a secret',
    async () => {
      const tally: Record<Outcome, number> = { owner: 0, record: 0, new: 0, other: 0 };
      for (let at = FIRST; at < FIRST + CASES; at += REQUESTS) {
        const one = new EngineCase(new SeededRandom(`${SEED} engine ${at}`));
        try {
          await one.run();
        } catch (error) {
          throw new Error(`SEED=${SEED} FUZZ_FIRST=${at} FUZZ_CASES=1\n${one.story.join('\n')}`, { cause: error });
        }
        for (const outcome of one.outcomes) tally[outcome]++;
      }
      console.info('fuzz: engine', tally);
    },
    TIME,
  );

  const roads = roadSetups(inject('redisUrl'));

  it.each(roads)(
    'is answered with a server error over HTTP $name',
    async (setup) => {
      const road = await HttpRoad.open(setup);
      try {
        for (let at = FIRST; at < FIRST + CASES; at += HTTP_SHARE * roads.length) {
          await road.run(new SeededRandom(`${SEED} ${setup.name} ${at}`));
        }
        await road.finish();
        console.info(`fuzz: ${setup.name}`, Object.fromEntries(road.statuses));
      } catch (error) {
        throw new Error(`SEED=${SEED} FUZZ_FIRST=${FIRST} FUZZ_CASES=${CASES} ${setup.name}\n${road.story}`, {
          cause: error,
        });
      } finally {
        await road.close();
      }
    },
    TIME,
  );
});
