import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, rename, rmdir, unlink, utimes, type FileHandle } from 'node:fs/promises';

import { codeOf, type FileSystem } from './file-system.js';

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

  /** @param fsync whether writes are safe from a power cut. */
  constructor(fsync: boolean) {
    this.#fsync = fsync;
  }

  list(directory: string): Promise<string[]> {
    return readdir(directory);
  }

  async read(file: string): Promise<Buffer> {
    const handle = await open(file, READ);
    try {
      return await readWhole(handle);
    } finally {
      await handle.close();
    }
  }

  async write(file: string, contents: Buffer, directories: readonly string[]): Promise<void> {
    const handle = await open(file, WRITE_NEW, ONLY_OWN_FILES);
    try {
      await handle.writeFile(contents);
      // Together, because a file system that is asked at the same time writes once.
      if (this.#fsync) await Promise.all([handle.sync(), ...directories.map((directory) => this.sync(directory))]);
    } finally {
      await handle.close();
    }
  }

  makeDirectory(directory: string): Promise<void> {
    return mkdir(directory, ONLY_OWN);
  }

  rename(from: string, to: string): Promise<void> {
    return rename(from, to);
  }

  removeFile(file: string): Promise<void> {
    return unlink(file);
  }

  removeDirectory(directory: string): Promise<void> {
    return rmdir(directory);
  }

  async sync(directory: string): Promise<void> {
    if (!this.#fsync) return;
    try {
      const handle = await open(directory, constants.O_RDONLY);
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (!CANNOT_SYNC.includes(codeOf(error))) throw error;
    }
  }

  async modifiedAt(path: string): Promise<number> {
    return (await lstat(path)).mtimeMs;
  }

  touch(path: string): Promise<void> {
    const now = new Date();
    return utimes(path, now, now);
  }
}

async function readWhole(handle: FileHandle): Promise<Buffer> {
  const first = Buffer.allocUnsafe(FIRST_BYTES);
  const { bytesRead } = await handle.read(first, 0, FIRST_BYTES, 0);
  if (bytesRead < FIRST_BYTES) return first.subarray(0, bytesRead);
  // Reading went by positions, so the handle still stands at the beginning.
  return handle.readFile();
}
