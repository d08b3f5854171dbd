import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rmdir, unlink, utimes, type FileHandle } from 'node:fs/promises';

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

/** What a file system answers that cannot sync a directory: Windows, and some network file systems. */
const CANNOT_SYNC: readonly unknown[] =
  process.platform === 'win32' ? ['EPERM', 'EACCES', 'EISDIR', 'EINVAL'] : ['EINVAL', 'ENOTSUP'];

/** The file system of this machine, by `node:fs`. */
export class NodeFileSystem implements FileSystem {
  readonly #fsync: boolean;
  readonly #gate = new ThreadGate();

  /** @param fsync whether writes are safe from a power cut. */
  constructor(fsync: boolean) {
    this.#fsync = fsync;
  }

  list(directory: string): Promise<string[]> {
    return this.#gate.pass(() => readdir(directory));
  }

  read(file: string): Promise<Buffer> {
    return this.#opened(file, READ, (handle) => this.#readWhole(handle));
  }

  write(file: string, contents: Buffer, directories: readonly string[]): Promise<void> {
    return this.#opened(file, WRITE_NEW, async (handle) => {
      await this.#gate.pass(() => handle.writeFile(contents));
      if (!this.#fsync) return;
      const synced = this.#gate.pass(() => handle.sync());
      // Together, because a file system that is asked at the same time writes once.
      await Promise.all([synced, ...directories.map((directory) => this.sync(directory))]);
    });
  }

  makeDirectory(directory: string): Promise<void> {
    return this.#gate.pass(() => mkdir(directory, ONLY_OWN));
  }

  rename(from: string, to: string): Promise<void> {
    return this.#gate.pass(() => rename(from, to));
  }

  removeFile(file: string): Promise<void> {
    return this.#gate.pass(() => unlink(file));
  }

  removeDirectory(directory: string): Promise<void> {
    return this.#gate.pass(() => rmdir(directory));
  }

  async sync(directory: string): Promise<void> {
    if (!this.#fsync) return;
    try {
      await this.#opened(directory, constants.O_RDONLY, (handle) => this.#gate.pass(() => handle.sync()));
    } catch (error) {
      if (!CANNOT_SYNC.includes(codeOf(error))) throw error;
    }
  }

  async modifiedAt(path: string): Promise<number> {
    return (await this.#gate.pass(() => lstat(path))).mtimeMs;
  }

  touch(path: string): Promise<void> {
    const now = new Date();
    return this.#gate.pass(() => utimes(path, now, now));
  }

  async #opened<Result>(path: string, flags: number, use: (handle: FileHandle) => Promise<Result>): Promise<Result> {
    const handle = await this.#gate.pass(() => open(path, flags, ONLY_OWN_FILES));
    try {
      return await use(handle);
    } finally {
      const closed = this.#gate.pass(() => handle.close());
      // Only where nothing was synced can it still tell that a write has failed.
      if (flags === WRITE_NEW && !this.#fsync) await closed;
      else closed.catch(() => {});
    }
  }

  async #readWhole(handle: FileHandle): Promise<Buffer> {
    const first = Buffer.allocUnsafe(FIRST_BYTES);
    const { bytesRead } = await this.#gate.pass(() => handle.read(first, 0, FIRST_BYTES, 0));
    if (bytesRead < FIRST_BYTES) return first.subarray(0, bytesRead);
    // That read went by position, so the handle still stands at the beginning.
    return this.#gate.pass(() => handle.readFile());
  }
}
