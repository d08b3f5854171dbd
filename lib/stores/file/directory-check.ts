import { mkdir, readdir, readFile, realpath, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { SessionConfigurationError } from '../../session.errors.js';
import { codeOf, isForbidden, isMissing, isTaken, succeeds, type FileSystem } from './file-system.js';
import { ONLY_OWN } from './node-file-system.js';
import { MARK_FILE, newName, StoreDirectory } from './store-directory.js';

/** The number of the layout comes last. */
const MARK = 'The sessions of nest-session. Leave what is in here to the store. Layout 1\n';

/** Milliseconds: how long the file system may take at the start, when the process has much else to do. */
const PATIENCE = 10_000;

/** The bits of a mode that let other users in. */
const OTHERS = 0o077;

/**
 * Makes the directory of a store if it is missing, and tries out what the store needs of its file system.
 * @throws {SessionConfigurationError} when the directory cannot be used. The message says why, and names it.
 */
export async function openDirectory(path: string, fs: FileSystem): Promise<StoreDirectory> {
  const absolute = resolve(path);
  const end = new AbortController();
  const tooLate = pause(PATIENCE, undefined, { signal: end.signal }).then(
    () => Promise.reject(new Error(`its file system did not answer within ${PATIENCE} ms`)),
    // Ended below.
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([opened(absolute, fs), tooLate]);
  } catch (cause) {
    if (cause instanceof SessionConfigurationError) throw cause;
    throw new SessionConfigurationError(`The file store cannot use ${absolute}: ${reasonOf(cause)}.`, { cause });
  } finally {
    end.abort();
  }
}

async function opened(absolute: string, fs: FileSystem): Promise<StoreDirectory> {
  await make(absolute, fs);
  // Also where it was there: the process that has made it may have ended before this.
  if (!(await isMarked(absolute))) await syncParent(absolute, fs);
  const { mode } = await stat(absolute);
  if (process.platform !== 'win32' && (mode & OTHERS) !== 0) warnOfOthers(absolute);
  // A link that is changed later must not lead one process elsewhere than the others.
  const directory = new StoreDirectory(await realpath(absolute));
  await mark(directory);
  await tryOut(directory, fs);
  return directory;
}

/** Not with `recursive`, which takes a full disk for a missing parent, and never ends in /proc: https://github.com/nodejs/node/issues/42808 */
async function make(path: string, fs: FileSystem): Promise<void> {
  const isMade = await succeeds(mkdir(path, ONLY_OWN), isTaken, isMissing);
  if (!isMade) {
    if (await succeeds(stat(path), isMissing)) return;
    await make(dirname(path), fs);
    // Another process may have been faster.
    await succeeds(mkdir(path, ONLY_OWN), isTaken);
  }
  await syncParent(path, fs);
}

/** Otherwise a power cut could take the whole directory along. A process may be allowed to make one where it must not read. */
async function syncParent(path: string, fs: FileSystem): Promise<void> {
  await succeeds(fs.sync(dirname(path)), isForbidden);
}

/**
 * Whether a store has been here. It writes its mark before anything else.
 * @throws {SessionConfigurationError} when something else is in the directory.
 */
async function isMarked(path: string): Promise<boolean> {
  const names = await readdir(path);
  if (names.includes(MARK_FILE)) return true;
  if (names.every((name) => name === 'lost+found')) return false;
  throw new SessionConfigurationError(
    `The file store cannot use ${path}: it holds something else. Give the store a directory of its own, such as ${join(path, 'sessions')}.`,
  );
}

async function mark({ marker, path }: StoreDirectory): Promise<void> {
  if (await succeeds(writeFile(marker, MARK, { flag: 'wx', mode: 0o600 }), isTaken)) return;
  const text = await readFile(marker, 'utf8');
  // Another process may be about to write it.
  if (text === '' || text === MARK) return;
  throw new SessionConfigurationError(
    `The file store cannot use ${path}: another version of nest-session has laid it out. Give it a directory of its own.`,
  );
}

/** Everything that the promises of the store rest on. */
async function tryOut({ path }: StoreDirectory, fs: FileSystem): Promise<void> {
  const [first, second] = [join(path, newName()), join(path, newName())];
  try {
    for (const directory of [first, join(first, 'a'), second, join(second, 'a')]) await fs.makeDirectory(directory);
    await fs.write(join(first, 'a', 'file'), Buffer.from('x'), [first]);
    await fs.rename(join(first, 'a'), join(first, 'b'));
    await fs.read(join(first, 'b', 'file'));
    if (await succeeds(fs.rename(first, second), isTaken))
      throw new Error('it replaces directories that are not empty');
    await fs.removeDirectory(join(second, 'a'));
  } finally {
    await fs.removeFile(join(first, 'b', 'file')).catch(() => {});
    for (const directory of [join(first, 'b'), join(first, 'a'), first, join(second, 'a'), second])
      await fs.removeDirectory(directory).catch(() => {});
  }
}

function reasonOf(error: unknown): string {
  const code = codeOf(error);
  switch (code) {
    case 'EEXIST':
    case 'ENOTDIR':
      return 'it is a file, or below one';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `this process may not write there (${code})`;
    default:
      return code ?? (error instanceof Error ? error.message : String(error));
  }
}

function warnOfOthers(path: string): void {
  process.emitWarning(
    `Other users of this machine can get at ${path}, where the sessions are: chmod 700 ${path}`,
    'FileStore',
  );
}
