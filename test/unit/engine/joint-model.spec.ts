import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { KeyedQueue } from '../../../lib/engine/keyed-queue.js';
import type { OpenSession } from '../../../lib/engine/open-session.js';
import { MemoryStore, SessionStoreError } from '../../../lib/index.js';
import type { SessionModuleOptions } from '../../../lib/options/session-options.js';
import type { SessionStore } from '../../../lib/stores/session-store.js';
import { EncryptingSerializer } from '../../fixtures/encrypting-serializer.js';
import { TestEngine } from '../../fixtures/engine.js';
import { TextStore } from '../../fixtures/text-store.js';

/*
 * Random requests at once on one session, in one process and beside another one, each with keys of its own and one that all write.
 * MODEL_RUNS sets the number of runs, MODEL_SEED the seed.
 */
const { MODEL_RUNS, MODEL_SEED } = process.env;
const RUNS = { numRuns: Number(MODEL_RUNS ?? 200), seed: Number(MODEL_SEED ?? 1) };
const TIMEOUT = 60_000 * Math.max(1, Number(MODEL_RUNS ?? 0) / 1000);
const HANG_MS = 5000;

type Step =
  | 'assign'
  | 'delete'
  | 'push'
  | 'shared'
  | 'commit'
  | 'save'
  | 'update'
  | 'poison'
  | 'large'
  | 'leave'
  | 'tick'
  | 'touch';
type Ending = 'none' | 'destroy' | 'regenerate';

interface Script {
  readonly steps: readonly Step[];
  readonly ending: Ending;
  /** Whether it runs in another process. */
  readonly isElsewhere: boolean;
}

const step = fc.constantFrom<Step>(
  ...(['assign', 'assign', 'assign', 'push', 'push', 'shared', 'commit', 'commit', 'save', 'update'] as const),
  ...(['delete', 'tick', 'touch', 'poison', 'large', 'leave'] as const),
);
const scripts = (endings: readonly Ending[]): fc.Arbitrary<Script[]> =>
  fc.array(
    fc.record({
      steps: fc.array(step, { minLength: 1, maxLength: 7 }),
      ending: fc.constantFrom(...endings),
      isElsewhere: fc.constantFrom(false, false, false, true),
    }),
    { minLength: 3, maxLength: 8 },
  );

const settings: Record<string, () => { store: SessionStore; options: SessionModuleOptions }> = {
  memory: () => ({ store: new MemoryStore(), options: {} }),
  text: () => ({ store: new TextStore(), options: {} }),
  encrypted: () => ({ store: new TextStore(), options: { serializer: new EncryptingSerializer() } }),
  quart: () => ({ store: new TextStore(), options: { wire: 'quart' } }),
  'rolling on each write': () => ({ store: new TextStore(), options: { rolling: 'write' } }),
};

const ticks = async (count: number): Promise<void> => {
  for (let tick = 0; tick < count; tick++) await new Promise(setImmediate);
};

/** Takes its time, and fails some replaces before or after they had their effect. */
function slow(store: SessionStore, pauses: readonly number[], failures: readonly (string | undefined)[]): SessionStore {
  let count = 0;
  let replaces = 0;
  const pause = (): Promise<void> => ticks(pauses[count++ % pauses.length] ?? 0);
  const run = async <R>(command: () => Promise<R>, failure?: string): Promise<R> => {
    await pause();
    if (failure === 'refused') throw new SessionStoreError('refused', { isRefusal: true });
    if (failure === 'before') throw new SessionStoreError('before');
    const answer = await command();
    await pause();
    if (failure === 'after') throw new SessionStoreError('after');
    return answer;
  };
  const { versionOf } = store as Partial<TextStore>;
  return {
    get: (key) => run(() => store.get(key)),
    set: (...args) => run(() => store.set(...args)),
    delete: (key) => run(() => store.delete(key)),
    read: (key) => run(() => store.read(key)),
    create: (...args) => run(() => store.create(...args)),
    replace: (...args) => run(() => store.replace(...args), failures[replaces++]),
    ...(versionOf && { versionOf: (value: string) => versionOf.call(store, value) }),
  };
}

/** What one request knows of its own key: what was acknowledged last, and what was attempted since. */
interface Known {
  acknowledged: string;
  readonly attempted: Set<string>;
}

interface Client {
  destroyed: boolean;
  writableFinished: boolean;
}

interface RequestStart {
  readonly open: OpenSession;
  readonly name: string;
  readonly client: Client;
  /** Whether the store may fail. */
  readonly mayFail: boolean;
  /** Whether a request may end the session. */
  readonly mayEnd: boolean;
}

class Request {
  readonly #open: OpenSession;
  readonly #name: string;
  readonly #client: Client;
  readonly own: Known = { acknowledged: 'undefined', attempted: new Set(['undefined']) };
  readonly list: Known = { acknowledged: 'undefined', attempted: new Set(['undefined']) };
  counted = 0;
  mayBeCounted = 0;
  #values = 0;
  hasEnded = false;
  readonly errors: string[] = [];
  isPoisoned = false;
  readonly #mayFail: boolean;
  readonly #mayEnd: boolean;

  constructor({ open, name, client, mayFail, mayEnd }: RequestStart) {
    this.#open = open;
    this.#name = name;
    this.#client = client;
    this.#mayFail = mayFail;
    this.#mayEnd = mayEnd;
  }

  get #live(): Record<string, unknown> {
    return this.#open.live;
  }

  async run({ steps, ending }: Script, shared: Set<string>): Promise<void> {
    for (const each of steps) await this.#step(each, shared);
    if (ending !== 'none') {
      try {
        await this.#open.live[ending]();
        this.hasEnded = true;
      } catch (error) {
        this.errors.push(String(error));
      }
      return;
    }
    await this.#commit(() => this.#open.commit());
    if (this.isPoisoned) {
      delete this.#live[`${this.#name}-bad`];
      this.isPoisoned = false;
      await this.#commit(() => this.#open.commit());
    }
  }

  async #step(each: Step, shared: Set<string>): Promise<void> {
    const live = this.#live;
    const value = `${this.#name}.${++this.#values}`;
    if (each === 'assign') live[this.#name] = value;
    else if (each === 'delete') delete live[this.#name];
    else if (each === 'push') {
      const list = live[`${this.#name}-list`] as unknown[] | undefined;
      if (list === undefined) live[`${this.#name}-list`] = [value];
      else list.push(value);
    } else if (each === 'shared') {
      live.shared = value;
      shared.add(value);
    } else if (each === 'commit') await this.#commit(() => this.#open.commit());
    else if (each === 'save') await this.#commit(() => this.#open.live.save());
    else if (each === 'poison') {
      live[`${this.#name}-bad`] = () => 1;
      this.isPoisoned = true;
    } else if (each === 'large') {
      live[`${this.#name}-bad`] = 'x'.repeat(3000);
      this.isPoisoned = true;
    } else if (each === 'leave') this.#client.destroyed = true;
    else if (each === 'touch') this.#open.live.touch();
    else if (each === 'tick') await ticks(1);
    else await this.#update();
  }

  async #update(): Promise<void> {
    this.mayBeCounted++;
    try {
      await this.#open.live.update((data: Record<string, unknown>) => void (data.n = Number(data.n ?? 0) + 1));
      this.counted++;
    } catch (error) {
      this.#note(error);
    }
    this.#attempt();
  }

  #attempt(): [string, string] {
    const texts: [string, string] = [
      String(JSON.stringify(this.#live[this.#name])),
      String(JSON.stringify(this.#live[`${this.#name}-list`])),
    ];
    this.own.attempted.add(texts[0]);
    this.list.attempted.add(texts[1]);
    return texts;
  }

  async #commit(save: () => Promise<void> | undefined): Promise<void> {
    const [own, list] = this.#attempt();
    try {
      await save();
    } catch (error) {
      this.#note(error);
      return;
    }
    this.own.acknowledged = own;
    this.own.attempted.clear();
    this.own.attempted.add(own);
    this.list.acknowledged = list;
    this.list.attempted.clear();
    this.list.attempted.add(list);
    // The request's own view is what it wrote, unless it finds the session ended and begins a new one.
    if (!this.#mayEnd) expect(String(JSON.stringify(this.#live[this.#name]))).toBe(own);
  }

  #note(error: unknown): void {
    const text = String(error);
    const isOwn = this.isPoisoned && /Serializ|TooLarge/.test(text);
    const hasLeft = this.#client.destroyed && text.includes('Conflict');
    const isOfStore = this.#mayFail && text.includes('SessionStoreError');
    const isOver = text.includes('DestroyedError');
    expect(isOwn || hasLeft || isOfStore || isOver, `${this.#name}: ${text}`).toBe(true);
    this.errors.push(text);
  }
}

async function inTime<R>(work: Promise<R>): Promise<R> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error('hangs')), HANG_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function check(
  make: (typeof settings)[string],
  all: readonly Script[],
  pauses: readonly number[],
  failures: readonly (string | undefined)[],
): Promise<void> {
  const { store, options } = make();
  const given = { ...options, maxRecordBytes: 2500 };
  const plain = new TestEngine(store, given);
  const id = await plain.stored({ n: 0, kept: 'yes' });
  const slowly = slow(store, pauses, failures);
  const engines = [new TestEngine(slowly, given, new KeyedQueue(5)), new TestEngine(slowly, given, new KeyedQueue())];
  const shared = new Set<string>();
  const mayFail = failures.some((failure) => failure !== undefined);
  const mayEnd = all.some(({ ending }) => ending !== 'none');
  const requests = await Promise.all(
    all.map(async ({ isElsewhere }, index) => {
      const client = { destroyed: false, writableFinished: false };
      const engine = engines[isElsewhere ? 1 : 0] as TestEngine;
      const open = await engine.open(id, { client });
      return new Request({ open, name: `r${index}`, client, mayFail, mayEnd });
    }),
  );
  await inTime(Promise.all(requests.map((request, index) => request.run(all[index] as Script, shared))));
  const seen = await plain.seen(id);
  if (requests.some(({ hasEnded }) => hasEnded)) {
    expect(seen).toBeUndefined();
    return;
  }
  if (seen === undefined) throw new Error('The session has gone.');
  expect(seen.kept).toBe('yes');
  for (const [index, { own, list }] of requests.entries()) {
    expect([...own.attempted], `r${index}`).toContain(String(JSON.stringify(seen[`r${index}`])));
    expect([...list.attempted], `r${index}-list`).toContain(String(JSON.stringify(seen[`r${index}-list`])));
    expect(seen).not.toHaveProperty(`r${index}-bad`);
  }
  if (seen.shared !== undefined) expect([...shared]).toContain(seen.shared);
  const least = requests.reduce((sum, { counted }) => sum + counted, 0);
  const most = requests.reduce((sum, { mayBeCounted }) => sum + mayBeCounted, 0);
  expect(seen.n).toBeGreaterThanOrEqual(least);
  expect(seen.n).toBeLessThanOrEqual(mayFail ? most : least);
}

const somePauses = fc.array(fc.nat(3), { minLength: 1, maxLength: 6 });
const someFailures = fc.array(fc.constantFrom(undefined, undefined, 'before', 'after', 'refused'), { maxLength: 6 });

describe.each(Object.entries(settings))('requests at once on one session, %s', (_name, make) => {
  it(
    'lose nothing and mix nothing up',
    () =>
      fc.assert(
        fc.asyncProperty(scripts(['none']), somePauses, (all, pauses) => check(make, all, pauses, [])),
        RUNS,
      ),
    TIMEOUT,
  );

  it(
    'lose nothing that was acknowledged where the store fails',
    () =>
      fc.assert(
        fc.asyncProperty(scripts(['none']), somePauses, someFailures, (all, pauses, failures) =>
          check(make, all, pauses, failures),
        ),
        RUNS,
      ),
    TIMEOUT,
  );

  it(
    'bring nothing back that one of them has ended',
    () =>
      fc.assert(
        fc.asyncProperty(scripts(['none', 'none', 'destroy', 'regenerate']), somePauses, (all, pauses) =>
          check(make, all, pauses, []),
        ),
        RUNS,
      ),
    TIMEOUT,
  );
});
