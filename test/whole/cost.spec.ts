import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { ChildProgram } from '../fixtures/child-program.js';
import { CostProcess, type Cost } from '../fixtures/cost-process.js';
import { platforms } from '../fixtures/platforms.js';

/**
 * What a request costs beyond the same route without sessions, in the store commands, promises, timers and immediates that it makes.
 * A change that adds one has to say here why; one that saves one lowers the figure. What NestJS itself makes for a guard and an
 * interceptor is in it.
 */
const COSTS: readonly (readonly [what: string, path: string, beyond: string, cost: Cost])[] = [
  ['a route that does not ask', '/plain', '/plain', { commands: {}, promises: 4, timers: 0, immediates: 0 }],
  ['a read', '/read', '/plain', { commands: { get: 1 }, promises: 40, timers: 1, immediates: 1 }],
  ['a read of an object', '/read-object', '/plain', { commands: { get: 1 }, promises: 40, timers: 1, immediates: 1 }],
  [
    'a write',
    '/write',
    '/plain',
    // The script of the compare-and-set itself calls GET and SET.
    { commands: { get: 2, evalsha: 1, set: 1 }, promises: 69, timers: 2, immediates: 2 },
  ],
];

let program: ChildProgram;

beforeAll(async () => {
  program = await ChildProgram.build(new URL('../fixtures/programs/cost-process.ts', import.meta.url));
});

afterAll(() => program.remove());

describe.each(platforms)('on %s', (platform) => {
  let costs: CostProcess;
  let cookie: string;

  beforeAll(async () => {
    costs = await CostProcess.start(program, platform);
    cookie = await costs.newSession();
  });

  afterAll(() => costs.stop());

  it.each(COSTS)('%s makes no more than it has to', async (_what, path, beyond, cost) => {
    const bare = await costs.costOf('bare', beyond, cookie);
    const { commands, promises, timers, immediates } = await costs.costOf('session', path, cookie);
    expect({
      commands,
      promises: promises - bare.promises,
      timers: timers - bare.timers,
      immediates: immediates - bare.immediates,
    }).toEqual(cost);
  });
});
