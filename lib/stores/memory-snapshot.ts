import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync, renameSync, unlinkSync } from 'node:fs';
import { open, rename, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';

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

/**
 * The file in which a memory store leaves its records for the next process. Reading it removes it: a snapshot that is older than the
 * sessions could bring one back that has ended meanwhile.
 */
export class MemorySnapshot {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** The records in the file, which is gone afterwards. None when there is no file, or when it is not to be trusted, with a process warning. */
  take(): SnapshotRecord[] {
    try {
      if (!this.#isOurs()) return [];
      const taken = `${this.#path}.${randomBytes(6).toString('hex')}`;
      // Of several processes one takes the file.
      renameSync(this.#path, taken);
      return this.#recordsOf(taken);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.#warn(`cannot be read (${codeOf(error)}): the sessions in it are lost`);
      return [];
    }
  }

  /** Writes the file whole or not at all. A failure is a process warning: a shutdown has to go on. */
  async write(records: Iterable<SnapshotRecord>): Promise<void> {
    const unfinished = `${this.#path}.${randomBytes(6).toString('hex')}`;
    try {
      if (this.#isThere() && !this.#isOurs()) return;
      const file = await open(unfinished, 'wx', MODE);
      try {
        await writeLines(file, records);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, this.#path);
      await syncDirectory(dirname(this.#path));
    } catch (error) {
      await unlink(unfinished).catch(() => undefined);
      this.#warn(`cannot be written (${codeOf(error)}): the sessions are lost`);
    }
  }

  #recordsOf(taken: string): SnapshotRecord[] {
    const text = readFileSync(taken, 'utf8');
    const records = parsed(text);
    if (records === undefined) {
      this.#warn(`is damaged: the store starts empty. The file is kept as ${taken}`);
      return [];
    }
    unlinkSync(taken);
    return records;
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
  #isOurs(): boolean {
    const file = openSync(this.#path, READ);
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

function codeOf(error: unknown): string {
  return (error as { readonly code?: string } | undefined)?.code ?? 'unknown';
}
