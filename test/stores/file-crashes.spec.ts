import { fork, type ChildProcess } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { FileStore } from '../../lib/stores/file/file.store.js';
import { StoreDirectory } from '../../lib/stores/file/store-directory.js';
import { ChildProgram } from '../fixtures/child-program.js';
import type { Told } from '../fixtures/programs/file-writer.js';
import { scratchDirectory } from '../fixtures/scratch-directory.js';

const PROCESSES = 4;
const ACCIDENTS = 12;
/** What the others do while one process is stopped. */
const MEANWHILE = 40;

let program: ChildProgram;

beforeAll(async () => {
  program = await ChildProgram.build(new URL('../fixtures/programs/file-writer.ts', import.meta.url));
});

afterAll(() => program.remove());

/** Processes that write to one directory, and what they have told. */
class Writers {
  readonly counts = new Map<string, number[]>();
  readonly deleted: string[] = [];
  readonly broken: string[] = [];
  readonly #news = new EventEmitter();
  readonly #children: ChildProcess[] = [];

  constructor(
    private readonly directory: string,
    private readonly fsync: boolean,
  ) {}

  start(): void {
    const env = { ...process.env, DIRECTORY: this.directory, FSYNC: String(this.fsync) };
    const child = fork(program.path, { env });
    this.#children.push(child);
    child.on('message', (told: Told) => this.#hear(told, child));
    child.on('exit', (code) => {
      if (code !== null) this.broken.push(`a process has ended with ${code}`);
    });
  }

  /** Until they have done so much more. */
  async progress(times: number): Promise<void> {
    for (let time = 0; time < times; time++) await once(this.#news, 'told');
  }

  get any(): ChildProcess {
    return this.#children[Math.floor(Math.random() * this.#children.length)]!;
  }

  async kill(child: ChildProcess): Promise<void> {
    this.#children.splice(this.#children.indexOf(child), 1);
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  async end(): Promise<void> {
    while (this.#children.length > 0) await this.kill(this.#children[0]!);
  }

  #hear(told: Told, from: ChildProcess): void {
    if ('counted' in told) {
      const [key, count] = told.counted;
      this.counts.set(key, [...(this.counts.get(key) ?? []), count]);
    } else if ('created' in told) {
      // One that has just been killed hears no more.
      for (const child of this.#children) if (child !== from && child.connected) child.send(told.created, () => {});
    } else if ('deleted' in told) this.deleted.push(told.deleted);
    else this.broken.push(told.broken);
    this.#news.emit('told');
  }
}

describe.each([true, false])('Four processes on one directory, with fsync: %s', (fsync) => {
  it('lose nothing and bring nothing back while they are killed and stopped at any moment', async () => {
    const directory = await scratchDirectory();
    const writers = new Writers(directory, fsync);
    for (let number = 0; number < PROCESSES; number++) writers.start();
    await writers.progress(PROCESSES * 10);
    for (let accident = 0; accident < ACCIDENTS; accident++) {
      await writers.progress(1 + Math.floor(Math.random() * 10));
      const victim = writers.any;
      if (accident % 2 === 0) {
        await writers.kill(victim);
        writers.start();
      } else {
        victim.kill('SIGSTOP');
        await writers.progress(MEANWHILE);
        victim.kill('SIGCONT');
      }
    }
    await writers.end();

    expect(writers.broken).toEqual([]);
    const store = await FileStore.connect({ directory, fsync });
    expect(writers.counts.size).toBe(3);
    for (const [key, counts] of writers.counts) {
      // Two processes that got the same count would have overwritten each other.
      expect(new Set(counts).size).toBe(counts.length);
      const { value, version } = (await store.read(key))!;
      expect(Number.parseInt(value, 10)).toBeGreaterThanOrEqual(Math.max(...counts));
      expect(await readdir(new StoreDirectory(directory).placeOf(key).register)).toEqual([version]);
      expect(await store.replace(key, 'goes on', 60, version)).toBe('replaced');
    }
    expect(writers.deleted.length).toBeGreaterThan(0);
    for (const key of writers.deleted) expect(await store.read(key)).toBeUndefined();
    await store.close();
    await rm(directory, { recursive: true });
  });
});
