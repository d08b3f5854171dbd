/**
 * The part of a file system that the store uses. Each method rejects as `node:fs` does, with an error that has a `code`. None follows
 * a symbolic link in the last part of a path.
 */
export interface FileSystem {
  /** The names in a directory. */
  list(directory: string): Promise<readonly string[]>;
  read(file: string): Promise<Buffer>;
  /**
   * Makes a file that must not exist yet, with contents that are safe from a power cut.
   * @param directories those whose names this makes safe as well, at the same time.
   */
  write(file: string, contents: Buffer, directories: readonly string[]): Promise<void>;
  /** Makes a directory that must not exist yet. */
  makeDirectory(directory: string): Promise<void>;
  /** Moves a directory: to a name that is free, or that an empty directory has. */
  rename(from: string, to: string): Promise<void>;
  removeFile(file: string): Promise<void>;
  /** Removes a directory that is empty. */
  removeDirectory(directory: string): Promise<void>;
  /** Makes the names in a directory safe from a power cut. */
  sync(directory: string): Promise<void>;
  /** When it was last modified, in milliseconds since 1970. */
  modifiedAt(path: string): Promise<number>;
  /** Sets that time to now. */
  touch(path: string): Promise<void>;
}

/**
 * What the system answers when it has changed nothing. `EIO` is not among them: after it nobody knows. Nor is `ENOENT`, which stands
 * for a directory that is missing as a whole.
 */
const REFUSALS = 'ENOSPC EDQUOT EROFS EMFILE ENFILE EACCES EPERM EFBIG ENOMEM'.split(' ');

/** The code of an error of `node:fs`, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  const code: unknown = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** Whether the system itself has refused the call, and has changed nothing. */
export function isRefusal(error: unknown): boolean {
  return REFUSALS.includes(codeOf(error) ?? '');
}

/** Whether there is nothing of that name, or its directory is gone. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

/** Whether this process, or the whole file system, may not do that. */
export function isForbidden(error: unknown): boolean {
  return ['EACCES', 'EPERM', 'EROFS'].includes(codeOf(error) ?? '');
}

/** Whether it is a directory, which is not removed as files are. POSIX allows both codes. */
export function isDirectory(error: unknown): boolean {
  return ['EISDIR', 'EPERM'].includes(codeOf(error) ?? '');
}

/** Whether there is a file where a directory should be. */
export function isFile(error: unknown): boolean {
  return codeOf(error) === 'ENOTDIR';
}

/** Whether a directory is in the way that is not empty. POSIX allows both codes; Windows has one for all reasons. */
export function isTaken(error: unknown): boolean {
  return ['ENOTEMPTY', 'EEXIST', ...(process.platform === 'win32' ? ['EPERM'] : [])].includes(codeOf(error) ?? '');
}

/**
 * Whether an action was carried out. Rejects with what else went wrong.
 * @returns `false` when it failed in one of the expected ways.
 */
export async function succeeds(
  action: Promise<unknown>,
  ...expected: ((error: unknown) => boolean)[]
): Promise<boolean> {
  try {
    await action;
    return true;
  } catch (error) {
    if (expected.some((isExpected) => isExpected(error))) return false;
    throw error;
  }
}
