import { describe, expect, it } from 'vitest';

import { FileSweep } from '../../../../lib/stores/file/file-sweep.js';
import { RecordFiles, type Command, type FoundFile } from '../../../../lib/stores/file/record-files.js';
import { StoreDirectory } from '../../../../lib/stores/file/store-directory.js';
import {
  everyCourse,
  Interleaving,
  someCourses,
  type Course,
  type InterleavingOptions,
  type Play,
} from '../../../fixtures/interleaving.js';
import { History } from '../../../fixtures/linearizability.js';
import { SteppedFileSystem, type SteppedFileSystemOptions } from '../../../fixtures/stepped-file-system.js';

/** How many times as many courses of events are played. */
const RUNS = Number(process.env.RACE_RUNS ?? 1);

const HOUR = 3600_000;

interface WorldOptions extends SteppedFileSystemOptions, InterleavingOptions {
  /** What is there at the beginning. */
  readonly beginning?: 'a record' | 'an expired record' | 'nothing';
}

/** Some processes on one record. */
class World {
  readonly steps: Interleaving;
  readonly fs: SteppedFileSystem;
  readonly history = new History();
  readonly files: RecordFiles;
  readonly damages: string[] = [];
  readonly #directory = new StoreDirectory('/');
  readonly #beginning: WorldOptions['beginning'];
  #values = 0;

  constructor(course: Course, { beginning = 'a record', slowListings, ...options }: WorldOptions = {}) {
    this.steps = new Interleaving(course, { fates: ['killed before', 'killed after'], ...options });
    this.fs = new SteppedFileSystem(this.steps, { slowListings: slowListings === true });
    this.#beginning = beginning;
    this.files = new RecordFiles({
      fs: this.fs,
      directory: this.#directory,
      later: (work) => void work().catch(() => {}),
      onDamage: (file) => void this.damages.push(file),
    });
  }

  get #place(): ReturnType<StoreDirectory['placeOf']> {
    return this.#directory.placeOf('key');
  }

  /** Several calls of one process, one after the other. */
  actor(name: string, run: (record: Record) => Promise<void>): void {
    this.steps.add(name, () => run(this.record()));
  }

  sweeper(name = 'sweeper', times = 1): void {
    this.steps.add(name, async () => {
      for (let time = 0; time < times; time++) await this.sweep();
    });
  }

  sweep(): Promise<void> {
    const { fs, files } = this;
    const directory = this.#directory;
    return new FileSweep({ fs, directory, files, interval: HOUR, onFailure: () => {}, onSuccess: () => {} }).run();
  }

  record(command: Command = { check: () => {} }): Record {
    const { files, history } = this;
    const place = this.#place;
    const value = (): string => `value ${++this.#values}`;
    const contents = (text: string): { value: string; until: number } => ({ value: text, until: Date.now() + HOUR });
    return {
      read: async () => {
        let found: FoundFile | undefined;
        await history.note({ verb: 'read' }, async () => (found = await files.read(place))?.value);
        return found;
      },
      replace: async (over) => {
        if (over === undefined) return;
        const text = value();
        await history.note({ verb: 'replace', value: text, over: over.value }, () =>
          files.replace(place, contents(text), { from: over.version, command }),
        );
      },
      create: async () => {
        const text = value();
        await history.note({ verb: 'create', value: text }, () => files.create(place, contents(text), command));
      },
      set: async () => {
        const text = value();
        await history.note({ verb: 'set', value: text }, async () => {
          await files.set(place, contents(text), command);
        });
      },
      delete: async () => {
        await history.note({ verb: 'delete' }, () => files.delete(place, command));
      },
    };
  }

  /** Plays the course, and checks what every course has to keep. */
  async play(): Promise<void> {
    await this.steps.byItsClock(async () => {
      this.fs.root.set('nest-session', '');
      const record = this.record();
      if (this.#beginning !== 'nothing') await record.create();
      if (this.#beginning === 'an expired record') {
        this.steps.tick(2 * HOUR);
        this.history.happenings.length = 0;
      }
      await this.steps.run();
      await record.read();
      await record.read();
      this.#check(this.history.isLinearizable(undefined), 'the results fit no order of the calls');
      this.#check(this.damages.length === 0, 'a file is missing or not whole');
      await this.#checkRest(record);
    });
  }

  /** Nothing blocks, and nothing is left. */
  async #checkRest(record: Record): Promise<void> {
    const found = await record.read();
    if (found) await record.replace(found);
    else await record.create();
    this.#check(this.history.isLinearizable(undefined), 'the record can no longer be written');
    await this.sweep();
    const { length } = this.fs.paths().filter((path) => path !== '/nest-session');
    // The shard, the register, the version and the file.
    this.#check(length === 4, 'a sweep leaves something behind');
    await record.delete();
    await this.sweep();
    this.#check(this.history.isLinearizable(undefined), 'the record cannot be deleted');
    this.#check(this.fs.paths().length === 2, 'a sweep leaves something of a record that was deleted');
  }

  #check(isKept: boolean, otherwise: string): void {
    if (isKept) return;
    const calls = this.history.happenings.map((happening) => JSON.stringify(happening));
    throw new Error([otherwise, ...this.steps.trace, ...calls, ...this.fs.paths()].join('\n'));
  }
}

interface Record {
  read(): Promise<FoundFile | undefined>;
  replace(over: FoundFile | undefined): Promise<void>;
  create(): Promise<void>;
  set(): Promise<void>;
  delete(): Promise<void>;
}

/** What one process may do. */
const ACTS: { readonly [name: string]: (record: Record) => Promise<void> } = {
  'reads and replaces': async (record) => record.replace(await record.read()),
  deletes: (record) => record.delete(),
  creates: (record) => record.create(),
  sets: (record) => record.set(),
  'deletes and creates': async (record) => {
    await record.delete();
    await record.create();
  },
  'reads twice': async (record) => {
    await record.read();
    await record.read();
  },
};
const names = Object.keys(ACTS);
const pairs = names.flatMap((first, at) => names.slice(at).map((second) => [first, second] as const));

function playOf(acts: readonly string[], options: WorldOptions, sweeps = 0): Play {
  return async (course) => {
    const world = new World(course, options);
    for (const [at, name] of acts.entries()) world.actor(`${at} ${name}`, ACTS[name]!);
    if (sweeps > 0) world.sweeper('sweeper', sweeps);
    await world.play();
  };
}

/** A process stops after so many steps, until all others are done. */
function stalled(steps: number): Course {
  let taken = 0;
  return {
    next: (waiting) => {
      const at = waiting.findIndex((name) => name.startsWith('0 '));
      if (at >= 0 && (taken < steps || waiting.length === 1)) {
        taken++;
        return at;
      }
      return waiting.findIndex((name) => !name.startsWith('0 '));
    },
  };
}

describe('The files of a record keep every promise', () => {
  it.each(pairs)('in every order of the steps of one process that %s and one that %s', async (...acts) => {
    expect(await everyCourse(playOf(acts, {}), RUNS + 1)).toBeGreaterThan(1);
  });

  it.each(names)('whatever a sweep does while a process %s, and wherever one of them is killed', async (act) => {
    expect(await everyCourse(playOf([act], { mishaps: 1 }, 2), RUNS)).toBeGreaterThan(1);
  });

  it.each(names)('where a record has expired, is swept, and a process %s', async (act) => {
    const options = { beginning: 'an expired record', mishaps: 1 } as const;
    expect(await everyCourse(playOf([act, 'creates'], options), RUNS)).toBeGreaterThan(1);
    expect(await everyCourse(playOf([act], options, 2), RUNS)).toBeGreaterThan(1);
  });

  it.each([false, true])(
    'in orders by chance of three processes and a sweep (slow listings: %s)',
    async (slowListings) => {
      for (const beginning of ['a record', 'an expired record', 'nothing'] as const) {
        for (const [first, second] of pairs) {
          const third = names[(names.indexOf(first) + names.indexOf(second)) % names.length]!;
          const options = { beginning, slowListings, mishaps: 2 };
          await someCourses(playOf([first, second, third], options, 2), {
            count: 15 * RUNS,
            seed: `${first} ${second}`,
          });
        }
      }
    },
  );

  it.each(names)('when a process that %s stops after any step, and goes on when all is over', async (act) => {
    for (let steps = 0; steps < 20; steps++) {
      const world = new World(stalled(steps));
      world.actor(`0 ${act}`, ACTS[act]!);
      world.steps.add('others', async () => {
        const record = world.record();
        for (let times = 0; times < 2; times++) await record.replace(await record.read());
        await record.delete();
        await world.sweep();
        await world.sweep();
        await record.create();
        await world.sweep();
      });
      await world.play();
    }
  });
});
