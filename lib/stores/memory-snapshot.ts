import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  unlinkSync,
} from 'node:fs';
import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { checkSnapshot } from './snapshot-check.js';

/** A record in a snapshot. */
export interface SnapshotRecord {
  readonly kind: 'session' | 'value';
  readonly key: string;
  readonly value: string;
  /** Epoch milliseconds, so that the time between two processes counts; `null`: never. */
  readonly expiresAt: number | null;
}

/** The first line. Nothing that begins otherwise is read, changed or removed. */
const HEADER = '{"nest-session":"snapshot of a MemoryStore","version":1}\n';

/** No link is followed: it could lead to what another user has written. No pipe is waited for. */
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** How many records are written at a time. */
const PORTION = 500;

/** Owner alone. The file holds what is in the sessions. */
const MODE = 0o600;

const NAME = 'MemoryStore';

/** The files that the stores of this process have taken. */
const TAKEN = new Set<string>();

/**
 * The file in which a memory store leaves its records for the next process. The one that reads it takes it away, so that no other does,
 * and removes it at its first change: a snapshot that is older than the sessions could bring one back that has ended meanwhile. A start
 * that fails before leaves the file to the next one.
 */
export class MemorySnapshot {
  readonly #path: string;
  #taken: string | undefined;

  /** @throws {SessionConfigurationError} when the file cannot be written. */
  constructor(path: string) {
    // The process may change its working directory before the shutdown.
    this.#path = resolve(path);
    checkSnapshot(this.#path);
  }

  /** The records in the file. None when there is no file, or when it is not to be trusted, with a process warning. */
  take(): SnapshotRecord[] {
    try {
      const left = this.#leftOver();
      const path = this.#isThere() ? this.#path : left.pop();
      if (path === undefined || !this.#isOurs(path)) return [];
      const taken = `${this.#path}.taken-${process.pid}-${randomBytes(6).toString('hex')}`;
      // Of several processes one takes the file.
      renameSync(path, taken);
      this.#taken = taken;
      TAKEN.add(taken);
      // They are older.
      for (const older of left) unlinkSync(older);
      return this.#recordsOf(taken);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.#warn(`cannot be read (${codeOf(error)}): the sessions in it are lost`);
      return [];
    }
  }

  /** Removes what has been taken, as the records are about to change. */
  forget(): void {
    if (this.#taken === undefined) return;
    const taken = this.#taken;
    this.#taken = undefined;
    TAKEN.delete(taken);
    try {
      unlinkSync(taken);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.#warn(`stays as ${taken} (${codeOf(error)}): remove it`);
    }
  }

  /** What processes have taken that are no more, and that changed nothing. */
  #leftOver(): string[] {
    const [folder, beginning] = [dirname(this.#path), `${basename(this.#path)}.taken-`];
    return readdirSync(folder)
      .filter((name) => name.startsWith(beginning))
      .map((name) => join(folder, name))
      .filter((path) => !TAKEN.has(path) && !isAlive(Number(path.split('-').at(-2))));
  }

  /** Writes the file whole or not at all. A failure is a process warning: a shutdown has to go on. */
  async write(records: Iterable<SnapshotRecord>): Promise<void> {
    const unfinished = `${this.#path}.${randomBytes(6).toString('hex')}`;
    try {
      if (this.#isThere() && !this.#isOurs(this.#path)) return;
      const file = await open(unfinished, 'wx', MODE);
      try {
        await writeLines(file, records);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, this.#path);
      await syncDirectory(dirname(this.#path));
      this.forget();
    } catch (error) {
      await unlink(unfinished).catch(() => undefined);
      this.#warn(`cannot be written (${codeOf(error)}): the sessions are lost`);
    }
  }

  #recordsOf(taken: string): SnapshotRecord[] {
    const text = readFileSync(taken, 'utf8');
    const records = parsed(text);
    if (records !== undefined) return records;
    const aside = `${this.#path}.${randomBytes(6).toString('hex')}`;
    renameSync(taken, aside);
    this.#warn(`is damaged: the store starts empty. The file is kept as ${aside}`);
    return [];
  }

  #isThere(): boolean {
    try {
      closeSync(openSync(this.#path, READ));
      return true;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return false;
      throw error;
    }
  }

  /** Whether it is a file that a store of this user has written, and that no other user could have changed. */
  #isOurs(path: string): boolean {
    const file = openSync(path, READ);
    try {
      const status = fstatSync(file);
      const { uid, mode } = status;
      const isSnapshot = status.isFile() && beginningOf(file) === HEADER;
      const isPrivate = process.getuid === undefined || (uid === process.getuid() && (mode & 0o077) === 0);
      if (!isSnapshot) this.#warn('is no snapshot, and stays as it is: choose another path');
      else if (!isPrivate) this.#warn('belongs to another user, or others may read or write it: it stays unread');
      return isSnapshot && isPrivate;
    } finally {
      closeSync(file);
    }
  }

  #warn(what: string): void {
    process.emitWarning(`${NAME}: the snapshot ${this.#path} ${what}.`, NAME);
  }
}

function beginningOf(file: number): string {
  const beginning = Buffer.alloc(Buffer.byteLength(HEADER));
  return beginning.toString('utf8', 0, readSync(file, beginning, 0, beginning.length, 0));
}

async function writeLines(file: FileHandle, records: Iterable<SnapshotRecord>): Promise<void> {
  let lines = HEADER;
  let count = 0;
  for (const { kind, key, value, expiresAt } of records) {
    lines += `${JSON.stringify([kind, key, value, expiresAt])}\n`;
    if (++count % PORTION !== 0) continue;
    await file.appendFile(lines);
    lines = '';
  }
  // Without this line the file is not whole.
  await file.appendFile(`${lines}${JSON.stringify({ records: count })}\n`);
}

/** So that the new name survives a power cut. Windows syncs no directories. */
async function syncDirectory(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The records of a file; `undefined` when it is not whole. */
function parsed(text: string): SnapshotRecord[] | undefined {
  const lines = text.slice(HEADER.length).split('\n');
  try {
    const end: unknown = JSON.parse(lines.at(-2) ?? '');
    const records = lines.slice(0, -2).map((line) => recordOf(JSON.parse(line)));
    return (end as { readonly records?: unknown }).records === records.length ? records : undefined;
  } catch {
    return undefined;
  }
}

function recordOf(line: unknown): SnapshotRecord {
  const [kind, key, value, expiresAt] = line as unknown[];
  const isRecord = (kind === 'session' || kind === 'value') && typeof key === 'string' && typeof value === 'string';
  if (isRecord && (expiresAt === null || Number.isFinite(expiresAt))) {
    return { kind, key, value, expiresAt: expiresAt as number | null };
  }
  throw new TypeError('no record');
}

/** Whether another process of this number runs. In a container, each process may have the number of the one before it. */
function isAlive(pid: number): boolean {
  if (pid === process.pid || !Number.isSafeInteger(pid)) return false;
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

function codeOf(error: unknown): string {
  return (error as { readonly code?: string } | undefined)?.code ?? 'unknown';
}
