import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { KeyedQueue } from '../../../lib/engine/keyed-queue.js';
import type { OpenSession } from '../../../lib/engine/open-session.js';
import { isTombstone } from '../../../lib/session/tombstone.js';
import { MemoryStore, SessionStoreError, type ReplaceOutcome, type SessionStore } from '../../../lib/index.js';
import { TestEngine } from '../../fixtures/engine.js';

/*
 * Random sequences of calls, assignments and commits on one session, compared with a model in which everything happens in the order
 * in which it was called. The store takes its time, and may fail once. A sequence that fails is made smaller by fast-check.
 * MODEL_RUNS sets the number of sequences, MODEL_SEED the seed.
 */
const { MODEL_RUNS, MODEL_SEED } = process.env;
const runs = (numRuns: number): { numRuns: number; seed: number } => ({
  numRuns: Number(MODEL_RUNS ?? numRuns),
  seed: Number(MODEL_SEED ?? 1),
});
const TIMEOUT = 60_000 * Math.max(1, Number(MODEL_RUNS ?? 0) / 1000);
const HANG_MS = 3_000;

type Data = Record<string, unknown>;
type Start = 'new' | 'known' | 'retired';
const STORED: Data = { a: 'start', list: ['start'], n: 0 };

// ---------------------------------------------------------------- what a request does

type Keep = boolean | string[];
type Step =
  | { do: 'assign'; key: string; value: number }
  | { do: 'delete'; key: string }
  | { do: 'push' | 'commit' }
  | { do: 'wait'; ticks: number }
  | { do: 'save' | 'reload'; watched: boolean }
  | { do: 'destroy'; watched: boolean }
  | { do: 'update'; how: 'fast' | 'slow' | 'throws'; watched: boolean }
  | { do: 'regenerate'; keep: Keep; form: 'promise' | 'callback'; watched: boolean };

const watched = fc.boolean();
const someKey = fc.constantFrom('a', 'b', 'list', 'n');
const assign = fc.record({ do: fc.constant('assign'), key: fc.constantFrom('a', 'b'), value: fc.nat(2) });
const plain: fc.Arbitrary<Step>[] = [
  assign,
  assign,
  fc.record({ do: fc.constant('delete'), key: someKey }),
  fc.record({ do: fc.constant('push') }),
  fc.record({ do: fc.constant('commit') }),
  fc.record({ do: fc.constant('wait'), ticks: fc.integer({ min: 1, max: 6 }) }),
] as fc.Arbitrary<Step>[];
const saving: fc.Arbitrary<Step>[] = [
  fc.record({ do: fc.constant('save'), watched }),
  fc.record({ do: fc.constant('update'), how: fc.constantFrom('fast', 'slow', 'throws'), watched }),
  fc.record({ do: fc.constant('update'), how: fc.constantFrom('fast', 'slow'), watched }),
] as fc.Arbitrary<Step>[];
const reload = fc.record({ do: fc.constant('reload'), watched }) as fc.Arbitrary<Step>;
const endings: fc.Arbitrary<Step>[] = [
  fc.record({
    do: fc.constant('regenerate'),
    keep: fc.constantFrom<Keep>(false, true, ['a', 'list'], ['n']),
    form: fc.constantFrom('promise', 'callback'),
    watched,
  }),
  fc.record({ do: fc.constant('destroy'), watched }),
] as fc.Arbitrary<Step>[];

/** The application waits for every call. */
const allWatched = (steps: readonly Step[]): Step[] =>
  steps.map((step) => ('watched' in step ? { ...step, watched: true } : step));
const script = (...steps: fc.Arbitrary<Step>[]): fc.Arbitrary<Step[]> =>
  fc.array(fc.oneof(...steps), { minLength: 1, maxLength: 9 });
/** How long each command of the store takes, before and after it is done. */
const somePauses = fc.array(fc.nat(2), { minLength: 1, maxLength: 6 });

// ---------------------------------------------------------------- the store

const ticks = async (count: number): Promise<void> => {
  for (let tick = 0; tick < count; tick++) await new Promise(setImmediate);
};

/** A store that takes its time. One command may fail, before or after it has had its effect. */
class SlowStore implements SessionStore {
  readonly inner = new MemoryStore();
  readonly written: { readonly key: string; readonly value: string }[] = [];
  commands = 0;
  failure: { readonly at: number; readonly when: 'before' | 'after' } | undefined;
  #paused = 0;

  constructor(readonly pauses: readonly number[]) {}

  get = (key: string) => this.#run(() => this.inner.get(key));
  set = (key: string, value: string, ttl?: number) => this.#run(() => this.inner.set(key, value, ttl));
  delete = (key: string) => this.#run(() => this.inner.delete(key));
  read = (key: string) => this.#run(() => this.inner.read(key));
  create = (key: string, value: string, ttl: number) =>
    this.#run(() => (this.written.push({ key, value }), this.inner.create(key, value, ttl)));
  replace = (key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> =>
    this.#run(() => (this.written.push({ key, value }), this.inner.replace(key, value, ttl, version)));

  async #run<R>(command: () => Promise<R>): Promise<R> {
    const fails = this.commands++ === this.failure?.at ? this.failure.when : undefined;
    await this.#pause();
    if (fails === 'before') throw new SessionStoreError('The store failed before the command.');
    const answer = await command();
    await this.#pause();
    if (fails === 'after') throw new SessionStoreError('The store failed after the command.');
    return answer;
  }

  #pause(): Promise<void> {
    return ticks(this.pauses[this.#paused++ % this.pauses.length] ?? 0);
  }
}

// ---------------------------------------------------------------- one run

/** What was done, and how it ended. */
interface Done {
  readonly step: Step;
  readonly value?: unknown;
  outcome: 'unknown' | 'done' | 'failed';
}

interface Result {
  readonly open: OpenSession;
  readonly engine: TestEngine;
  readonly store: SlowStore;
  readonly queue: KeyedQueue;
  readonly trace: Done[];
  readonly commitErrors: string[];
  /** The error of the last commit. */
  readonly lastError: string | undefined;
  /** What that commit asked of the store, after two that were successful or not. */
  readonly lateCommands: number;
  /** The id with which the request came, and all that its session has had. */
  readonly ids: Set<string>;
  /** For each value that was assigned: the keys of records that are from before an ending that was called before the assignment. */
  readonly forbidden: Map<string, ReadonlySet<string>>;
}

interface Options {
  /** With unique values a record tells which assignment it holds; otherwise there are three, so that assignments meet equal ones. */
  readonly unique?: boolean;
  /** The command that fails, counted from when the session is open. */
  readonly failure?: SlowStore['failure'];
  /** What another request does meanwhile, and before which step. */
  readonly rival?: (engine: TestEngine, id: string) => Promise<void>;
  readonly rivalAt?: number;
}

async function run(
  begin: Start,
  steps: readonly Step[],
  pause: readonly number[],
  options: Options = {},
): Promise<Result> {
  const { unique = true } = options;
  const store = new SlowStore(pause);
  const queue = new KeyedQueue();
  const engine = new TestEngine(store, {}, queue);
  const id = begin === 'new' ? undefined : await engine.stored(STORED);
  if (begin === 'retired') await (await engine.open(id)).live.destroy();
  const open = await engine.open(id);
  const ids = new Set([id ?? open.id]);
  const keys = new Set(store.written.map(({ key }) => key));
  const before = new Set<string>();
  const forbidden: Result['forbidden'] = new Map();
  const trace: Done[] = [];
  const calls: Promise<unknown>[] = [];
  const commitErrors: string[] = [];
  let values = 0;
  let pending = 0;
  let unwatched = 0;
  const commit = async (): Promise<string | undefined> => {
    try {
      await open.commit();
      unwatched = 0;
      return undefined;
    } catch (error) {
      commitErrors.push(String(error));
      return String(error);
    }
  };
  if (options.failure) store.failure = { ...options.failure, at: store.commands + options.failure.at };

  const call = (done: Done, make: () => Promise<unknown>, isWatched: boolean): void => {
    if (!isWatched) {
      unwatched++;
      return void make();
    }
    pending++;
    calls.push(
      make()
        .then(
          () => void (done.outcome = 'done'),
          () => void (done.outcome = 'failed'),
        )
        .finally(() => pending--),
    );
  };

  for (const [at, step] of steps.entries()) {
    if (options.rivalAt === at && id !== undefined) calls.push(options.rival?.(engine, id) ?? Promise.resolve());
    const { live } = open;
    const done: Done = { step, outcome: 'unknown' };
    for (const { key } of store.written) keys.add(key);
    switch (step.do) {
      case 'assign': {
        const value = unique ? `v${++values}v` : `v${step.value}v`;
        if (unique) forbidden.set(value, new Set(before));
        live[step.key] = value;
        trace.push({ ...done, value });
        break;
      }
      case 'delete':
        delete live[step.key];
        trace.push(done);
        break;
      case 'push': {
        // A change inside an object has no moment: only assignments have one. So it is made while no call may replace the object.
        if (pending + unwatched > 0) break;
        const value = `v${++values}v`;
        const list = live.list as unknown[] | undefined;
        if (list === undefined) live.list = [value];
        else list.push(value);
        trace.push({ ...done, value });
        break;
      }
      case 'wait':
        await ticks(step.ticks);
        break;
      case 'commit':
        trace.push(done);
        calls.push(commit());
        break;
      case 'save':
        trace.push(done);
        call(done, () => live.save(), step.watched);
        break;
      case 'reload':
        trace.push(done);
        call(done, () => live.reload(), true);
        break;
      case 'update': {
        trace.push(done);
        const count = (data: Data): void => void (data.n = ((data.n as number | undefined) ?? 0) + 1);
        const fn = {
          fast: count,
          slow: (data: Data) => ticks(3).then(() => count(data)),
          throws: () => Promise.reject(new Error('boom')),
        }[step.how];
        call(done, () => live.update(fn), step.watched);
        break;
      }
      case 'destroy':
      case 'regenerate': {
        trace.push(done);
        for (const key of keys) before.add(key);
        if (!open.isNew) ids.add(open.id);
        const make = (): Promise<unknown> => {
          if (step.do === 'destroy') return live.destroy();
          if (step.form === 'promise') return live.regenerate({ keep: step.keep });
          return new Promise<void>((resolve, reject) =>
            live.regenerate({ keep: step.keep }, (error) => (error === undefined ? resolve() : reject(error))),
          );
        };
        call(done, make, step.watched || (step.do === 'regenerate' && step.form === 'callback'));
        break;
      }
      default:
        step satisfies never;
    }
  }
  // Two at once, as those of the interceptor and the response hook may be.
  const end = Promise.all([...calls, commit(), commit()]);
  const hang = new Promise<string>((resolve) => setTimeout(resolve, HANG_MS, 'hangs').unref());
  expect(await Promise.race([end, hang])).not.toBe('hangs');
  const commands = store.commands;
  let lastError = await commit();
  const lateCommands = store.commands - commands;
  // The first one after a failure only reports it.
  if (lastError !== undefined) lastError = await commit();
  store.failure = undefined;
  return { open, engine, store, queue, trace, commitErrors, lastError, lateCommands, ids, forbidden };
}

// ---------------------------------------------------------------- the model

/** What the session must be in the end. */
interface Model {
  readonly data: Data;
  /** Keys of which a reload has dropped what was not saved by then: how much that is depends on how long the saves took. */
  readonly uncertain: ReadonlySet<string>;
}

/** Everything happens in the order in which it was called; a call that failed did nothing. */
function model(begin: Start, trace: readonly Done[]): Model {
  let data: Data = begin === 'known' ? { ...STORED } : {};
  let touched = new Set<string>();
  let uncertain = new Set<string>();
  for (const { step, value, outcome } of trace) {
    if (outcome === 'failed') continue;
    switch (step.do) {
      case 'assign':
        data = { ...data, [step.key]: value };
        touched.add(step.key);
        uncertain.delete(step.key);
        break;
      case 'delete':
        data = without(data, new Set([step.key]));
        touched.add(step.key);
        uncertain.delete(step.key);
        break;
      case 'push':
        data = { ...data, list: [...((data.list as unknown[] | undefined) ?? []), value] };
        touched.add('list');
        break;
      case 'update':
        if (step.how !== 'throws') data = { ...data, n: ((data.n as number | undefined) ?? 0) + 1 };
        break;
      case 'reload':
        uncertain = new Set([...uncertain, ...touched]);
        break;
      case 'destroy':
        [data, touched, uncertain] = [{}, new Set(), new Set()];
        break;
      case 'regenerate': {
        const { keep } = step;
        const isKept = (key: string): boolean => (typeof keep === 'boolean' ? keep : keep.includes(key));
        data = Object.fromEntries(Object.entries(data).filter(([key]) => isKept(key)));
        touched = new Set([...touched].filter(isKept));
        uncertain = new Set([...uncertain].filter(isKept));
        break;
      }
      case 'save':
      case 'commit':
      case 'wait':
        break;
      default:
        step satisfies never;
    }
  }
  return { data, uncertain };
}

const without = (data: Data, keys: ReadonlySet<string>): Data =>
  sorted(Object.fromEntries(Object.entries(data).filter(([key]) => !keys.has(key))));

function sorted(data: Data): Data {
  return Object.fromEntries(Object.entries(data).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** What was assigned after the call of a destroy or regenerate is never in a record that was there at the call. */
function expectNothingInEarlierSessions({ store, forbidden }: Result): void {
  for (const { key, value } of store.written) {
    // Its random letters may look like an assigned value.
    if (isTombstone(value)) continue;
    for (const [assigned, keys] of forbidden) {
      if (keys.has(key)) expect(value, 'a record from before an ending').not.toContain(assigned);
    }
  }
}

/** What holds after every run in which the store did not fail. */
async function expectSound(result: Result): Promise<void> {
  const { open, queue, ids, engine } = result;
  expectNothingInEarlierSessions(result);
  for (const id of [...ids, open.id]) {
    expect(queue.enter(id), 'a place in the queue that nobody left').toBeUndefined();
    queue.leave(id);
    if (id !== open.id) expect(await engine.seen(id), 'a session that has ended').toBeUndefined();
  }
}

const isEnding = (step: Step): boolean => step.do === 'destroy' || step.do === 'regenerate';

// ---------------------------------------------------------------- the tests

const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);

beforeEach(() => void process.on('unhandledRejection', note));
afterEach(async () => {
  await ticks(3);
  process.off('unhandledRejection', note);
  expect(unhandled.splice(0)).toEqual([]);
});

/** Runs a script without failures of the store, and compares the end with the model. */
async function expectAsModelled(
  begin: Start,
  steps: readonly Step[],
  pause: readonly number[],
  unique: boolean,
): Promise<void> {
  const result = await run(begin, steps, pause, { unique });
  const { open, engine, trace, commitErrors, lastError, lateCommands } = result;
  expect(lastError).toBeUndefined();
  const { data, uncertain } = model(begin, trace);
  expect(without({ ...open.live }, uncertain)).toEqual(without(data, uncertain));
  expect(sorted((await engine.seen(open.id)) ?? {})).toEqual(sorted({ ...open.live }));
  if (commitErrors.length === 0) expect(lateCommands, 'what a commit after the commit saves').toBe(0);
  await expectSound(result);
  const thrown = trace.filter(({ step }) => step.do === 'update' && step.how === 'throws' && !step.watched).length;
  const booms = commitErrors.filter((error) => error.includes('boom')).length;
  expect(booms, 'failures that a commit reports').toBeLessThanOrEqual(thrown);
  if (thrown > 0) expect(booms).toBeGreaterThan(0);
}

describe('any sequence of calls and assignments', () => {
  it.each([
    ['unique values', true],
    ['values that may be there already', false],
  ])(
    'ends as if everything had happened in the order of the calls (%s)',
    async (_name, unique) => {
      const property = fc.asyncProperty(
        fc.constantFrom<Start>('known', 'new'),
        script(...plain, ...saving, reload, ...endings),
        somePauses,
        (begin, steps, pause) => expectAsModelled(begin, steps, pause, unique),
      );
      await fc.assert(property, runs(600));
    },
    TIMEOUT,
  );

  it(
    'on a retired id stores nothing before it has ended',
    async () => {
      const property = fc.asyncProperty(script(...plain, ...saving, ...endings), somePauses, async (steps, pause) => {
        const result = await run('retired', steps, pause);
        const first = result.trace.findIndex(({ step }) => isEnding(step));
        if (first === -1) {
          expect(await result.engine.seen([...result.ids][0] ?? '')).toBeUndefined();
          expect(result.open.cookieAction).toBe('none');
        } else {
          const seen = (await result.engine.seen(result.open.id)) ?? {};
          expect(result.lastError).toBeUndefined();
          expect(sorted(seen)).toEqual(sorted({ ...result.open.live }));
        }
      });
      await fc.assert(property, runs(250));
    },
    TIMEOUT,
  );

  it(
    'loses nothing and saves nothing in the wrong session when the store fails once',
    async () => {
      const failure = fc.record({ at: fc.nat(5), when: fc.constantFrom<'before' | 'after'>('before', 'after') });
      const property = fc.asyncProperty(
        fc.constantFrom<Start>('known', 'new'),
        script(...plain, ...saving, ...endings),
        somePauses,
        failure,
        async (begin, steps, pause, fails) => {
          const result = await run(begin, allWatched(steps), pause, { failure: fails });
          const { open, engine, trace, lastError } = result;
          expectNothingInEarlierSessions(result);
          const ended = trace.filter(({ step }) => isEnding(step)).map(({ outcome }) => outcome);
          if (lastError !== undefined) expect(ended.at(-1), lastError).toBe('failed');
          if (ended.at(-1) === 'failed') return;
          // A record whose creation was answered by an error has an id that the browser never gets. An update whose reply was lost may
          // have been counted.
          const [n, N] = ['n', new Set(['n'])];
          const seen = open.isNew ? {} : ((await engine.seen(open.id)) ?? {});
          expect(without(seen, N)).toEqual(without({ ...open.live }, N));
          if (ended.includes('failed')) return;
          const { data } = model(begin, trace);
          expect(without(seen, N)).toEqual(without(data, N));
          const lost = trace.filter(({ step, outcome }) => step.do === 'update' && outcome === 'failed').length;
          expect(seen[n] ?? 0).toBeGreaterThanOrEqual((data[n] as number | undefined) ?? 0);
          expect(seen[n] ?? 0).toBeLessThanOrEqual(((data[n] as number | undefined) ?? 0) + lost);
        },
      );
      await fc.assert(property, runs(600));
    },
    TIMEOUT,
  );

  it(
    'counts every update beside another request that updates',
    async () => {
      const regenerate = fc.record({
        do: fc.constant('regenerate'),
        keep: fc.constant<Keep>(true),
        form: fc.constantFrom('promise', 'callback'),
        watched: fc.constant(true),
      }) as fc.Arbitrary<Step>;
      const plainKeepingN = script(...plain, ...saving, regenerate).map((steps) =>
        allWatched(steps.filter((step) => step.do !== 'delete' || step.key !== 'n')),
      );
      const property = fc.asyncProperty(plainKeepingN, somePauses, fc.nat(8), async (steps, pause, rivalAt) => {
        let counted = 0;
        const rival = async (engine: TestEngine, id: string): Promise<void> => {
          const other = await engine.open(id);
          for (let count = 0; count < 2; count++) {
            await other.live
              .update((data) => void (data.n = Number(data.n) + 1))
              .then(
                () => counted++,
                () => undefined,
              );
          }
        };
        const result = await run('known', steps, pause, { rival, rivalAt });
        const { open, engine, trace, lastError } = result;
        expect(lastError).toBeUndefined();
        const own = trace.filter(({ step, outcome }) => step.do === 'update' && outcome === 'done').length;
        expect((await engine.seen(open.id))?.n).toBe(own + counted);
        await expectSound(result);
      });
      await fc.assert(property, runs(250));
    },
    TIMEOUT,
  );

  it(
    'brings nothing back that another request has destroyed',
    async () => {
      const property = fc.asyncProperty(
        script(...plain, ...saving, reload, ...endings),
        somePauses,
        fc.nat(8),
        async (steps, pause, rivalAt) => {
          const rival = async (engine: TestEngine, id: string): Promise<void> => (await engine.open(id)).live.destroy();
          const result = await run('known', allWatched(steps), pause, { rival, rivalAt });
          const { open, engine, trace, lastError, ids } = result;
          expect(lastError).toBeUndefined();
          if (rivalAt >= steps.length) return;
          for (const id of ids) if (id !== open.id) expect(await engine.seen(id)).toBeUndefined();
          const isOver = !trace.some(({ step, outcome }) => isEnding(step) && outcome === 'done');
          const first = [...ids][0] ?? '';
          if (isOver) expect(await engine.seen(first)).toBeUndefined();
          await expectSound(result);
        },
      );
      await fc.assert(property, runs(250));
    },
    TIMEOUT,
  );
});
