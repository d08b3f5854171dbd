import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';

import { isFile, isMissing, isTaken, succeeds, type FileSystem } from './file-system.js';
import type { RecordFiles } from './record-files.js';
import { RecordVersion } from './record-version.js';
import { deadName, entryOf, type StoreDirectory } from './store-directory.js';

/** After how many records a sweep pauses, and for how many milliseconds. */
const STEP = 50;
const PAUSE = 10;
/** Milliseconds: an unfinished register that is older was left behind. It is safe to be wrong, then its creator begins anew. */
const ABANDONED = 60 * 60 * 1000;
/** Milliseconds after the start until a process first looks whether a sweep is due. */
const FIRST_LOOK = 60_000;
/** Clocks and timers are not exact: the share of the interval after which the next sweep is due. */
const DUE = 0.9;

/** What {@link FileSweep} works with. */
export interface FileSweepOptions {
  readonly fs: FileSystem;
  readonly directory: StoreDirectory;
  readonly files: RecordFiles;
  /** Milliseconds. */
  readonly interval: number;
  /** Is told of a sweep that had to stop. The next one begins anew. */
  readonly onFailure: (error: unknown) => void;
  /** Is told of a sweep that found nothing in its way. */
  readonly onSuccess: () => void;
}

/**
 * Removes expired records and leftovers, now and then, in small steps. The first process that finds a sweep due does it. Should
 * two begin one at the same time, they do no harm: see {@link RecordFiles}. No timer keeps the process alive.
 */
export class FileSweep {
  readonly #options: FileSweepOptions;
  readonly #end = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FileSweepOptions) {
    this.#options = options;
  }

  /** Looks now and then whether a sweep is due. */
  start(): void {
    const { interval } = this.#options;
    // Processes that start together should not look together.
    this.#wait(Math.min(interval, FIRST_LOOK) * Math.random());
  }

  /** Ends a sweep that is under way after the step that it is at. */
  async stop(): Promise<void> {
    this.#end.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** Sweeps the whole directory, whether or not it is due. What cannot be swept keeps nothing else from it; then this rejects at the end. */
  async run(): Promise<void> {
    const { fs, directory } = this.#options;
    const failures: unknown[] = [];
    const names = await fs.list(directory.path);
    await this.#sweepAll(directory.path, names, failures);
    for (const shard of directory.shardsAmong(names)) {
      if (this.#end.signal.aborted) return;
      const path = join(directory.path, shard);
      await this.#sweepAll(path, await fs.list(path).catch(noneIfNotThere), failures);
    }
    if (failures.length > 0) throw failures[0];
  }

  #wait(milliseconds: number): void {
    this.#timer = setTimeout(() => {
      this.#running = this.#runIfDue()
        .catch(this.#options.onFailure)
        .then(() => {
          if (!this.#end.signal.aborted) this.#wait(this.#options.interval);
        });
    }, milliseconds).unref();
  }

  async #runIfDue(): Promise<void> {
    const { fs, directory, interval } = this.#options;
    const last = await fs.modifiedAt(directory.sweepMark).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
      return undefined;
    });
    // A time that lies ahead comes from a clock that was wrong.
    if (last !== undefined && Math.abs(Date.now() - last) < interval * DUE) return;
    if (last !== undefined) await fs.touch(directory.sweepMark);
    else if (!(await succeeds(fs.write(directory.sweepMark, Buffer.alloc(0), []), isTaken))) return;
    await this.run();
    if (!this.#end.signal.aborted) this.#options.onSuccess();
  }

  async #sweepAll(parent: string, names: readonly string[], failures: unknown[]): Promise<void> {
    let steps = 0;
    for (const name of names) {
      if (entryOf(name) === undefined) continue;
      if (++steps % STEP === 0) await pause(PAUSE, undefined, { ref: false, signal: this.#end.signal }).catch(() => {});
      if (this.#end.signal.aborted) return;
      await this.#sweepEntry(parent, name).catch((error: unknown) => failures.push(error));
    }
  }

  async #sweepEntry(parent: string, name: string): Promise<void> {
    const kind = entryOf(name);
    const path = join(parent, name);
    if (kind === 'register') await this.#sweepRegister(path);
    else if (kind === 'new') await this.#sweepNew(parent, path);
    else await this.#options.files.removeTree(path);
  }

  async #sweepRegister(register: string): Promise<void> {
    const { fs, files } = this.#options;
    const names = await fs.list(register).catch(noneIfNotThere);
    // Left empty by a process that ended in the middle of a removal.
    if (names.length === 0) await succeeds(fs.removeDirectory(register), isMissing, isTaken, isFile);
    for (const version of names.flatMap((name) => RecordVersion.parse(name) ?? [])) {
      if (version.isAlive()) {
        // The first version has superseded nothing.
        if (version.number > 1) await files.removeSuperseded(register, version);
        continue;
      }
      const gone = version.isGone ? version : await files.expire(register, version);
      if (gone === undefined || (await files.clear(register, gone))) continue;
      // A file to follow it is there, of a process that has ended or is just about to. The next version supersedes it.
      const after = await files.expire(register, gone);
      if (after !== undefined) await files.clear(register, after);
    }
  }

  async #sweepNew(parent: string, path: string): Promise<void> {
    const { fs, files } = this.#options;
    const modified = await fs.modifiedAt(path).catch(() => undefined);
    if (modified === undefined || Date.now() - modified < ABANDONED) return;
    const dead = join(parent, deadName());
    if (await succeeds(fs.rename(path, dead), isMissing)) await files.removeTree(dead);
  }
}

/** Nothing where there is no directory: it was removed meanwhile, or is a file that is not the store's. */
function noneIfNotThere(error: unknown): readonly string[] {
  if (isMissing(error) || isFile(error)) return [];
  throw error;
}
