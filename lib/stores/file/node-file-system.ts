import {
  close,
  constants,
  fsync as syncDescriptor,
  lstat,
  mkdir,
  open,
  read,
  readdir,
  rename,
  rmdir,
  unlink,
  utimes,
  write,
  type Stats,
} from 'node:fs';

import type { BackEndCommands } from '../back-end-commands.js';
import { codeOf, type FileSystem } from './file-system.js';
import { ThreadGate } from './thread-gate.js';

// Windows has no such flag.
const NO_FOLLOW = constants.O_NOFOLLOW ?? 0;
const READ = constants.O_RDONLY | NO_FOLLOW;
const WRITE_NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | NO_FOLLOW;

const ONLY_OWN_FILES = 0o600;
/** Of directories. */
export const ONLY_OWN = 0o700;

/** Most records are smaller, and are read by one system call. */
const FIRST_BYTES = 16 * 1024;
const FURTHER_BYTES = 256 * 1024;

/** What a file system answers that cannot sync a directory: Windows, and some network file systems. */
const CANNOT_SYNC: readonly unknown[] =
  process.platform === 'win32' ? ['EPERM', 'EACCES', 'EISDIR', 'EINVAL'] : ['EINVAL', 'ENOTSUP'];

/** The file system of this machine, by `node:fs`. With callbacks, which cost less than promises: a request waits for several calls. */
export class NodeFileSystem implements FileSystem {
  readonly #fsync: boolean;
  readonly #gate: ThreadGate;

  /**
   * @param fsync whether writes are safe from a power cut.
   * @param commands what bounds each call.
   */
  constructor(fsync: boolean, commands: BackEndCommands) {
    this.#fsync = fsync;
    this.#gate = new ThreadGate(commands);
  }

  list(directory: string): Promise<string[]> {
    return this.#gate.pass((done) => readdir(directory, done));
  }

  async read(file: string): Promise<Buffer> {
    const descriptor = await this.#open(file, READ);
    try {
      return await this.#readWhole(descriptor);
    } finally {
      this.#leave(descriptor);
    }
  }

  async write(file: string, contents: Buffer, directories: readonly string[]): Promise<void> {
    const descriptor = await this.#open(file, WRITE_NEW);
    try {
      await this.#writeWhole(descriptor, contents);
      // Together, because a file system that is asked at the same time writes once. All, because one must not run on without a file.
      if (this.#fsync) await all([this.#sync(descriptor), ...directories.map((directory) => this.sync(directory))]);
    } catch (error) {
      this.#leave(descriptor);
      throw error;
    }
    // Where nothing was synced, this can still tell that the write has failed.
    if (this.#fsync) this.#leave(descriptor);
    else await this.#close(descriptor);
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#gate.pass((done) => mkdir(directory, ONLY_OWN, done));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#gate.pass((done) => rename(from, to, done));
  }

  removeFile(file: string): Promise<void> {
    return this.#gate.pass((done) => unlink(file, done));
  }

  removeDirectory(directory: string): Promise<void> {
    return this.#gate.pass((done) => rmdir(directory, done));
  }

  async sync(directory: string): Promise<void> {
    if (!this.#fsync) return;
    try {
      const descriptor = await this.#open(directory, constants.O_RDONLY);
      await this.#sync(descriptor).finally(() => this.#leave(descriptor));
    } catch (error) {
      if (!CANNOT_SYNC.includes(codeOf(error))) throw error;
    }
  }

  async modifiedAt(path: string): Promise<number> {
    return (await this.#gate.pass<Stats>((done) => lstat(path, done))).mtimeMs;
  }

  touch(path: string): Promise<void> {
    const now = new Date();
    return this.#gate.pass((done) => utimes(path, now, now, done));
  }

  #open(path: string, flags: number): Promise<number> {
    return this.#gate.pass((done) => open(path, flags, ONLY_OWN_FILES, done));
  }

  #sync(descriptor: number): Promise<void> {
    return this.#gate.pass((done) => syncDescriptor(descriptor, done));
  }

  #close(descriptor: number): Promise<void> {
    return this.#gate.pass((done) => close(descriptor, done));
  }

  /** Closes a file that has nothing more to tell. */
  #leave(descriptor: number): void {
    this.#close(descriptor).catch(() => {});
  }

  async #readWhole(descriptor: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let size = FIRST_BYTES; ; size = FURTHER_BYTES) {
      const part = Buffer.allocUnsafe(size);
      const bytes = await this.#gate.pass<number>((done) => read(descriptor, part, 0, size, null, done));
      parts.push(part.subarray(0, bytes));
      // A file that is being read does not grow: it is whole before it has its name.
      if (bytes < size) return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
    }
  }

  async #writeWhole(descriptor: number, contents: Buffer): Promise<void> {
    for (let at = 0; at < contents.length;) {
      at += await this.#gate.pass<number>((done) => write(descriptor, contents, at, contents.length - at, null, done));
    }
  }
}

/** Waits until all have ended, and rejects when one has failed. */
async function all(promises: readonly Promise<void>[]): Promise<void> {
  const outcomes = await Promise.allSettled(promises);
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
}
