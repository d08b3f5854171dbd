import { randomBytes } from 'node:crypto';
import { closeSync, openSync, statSync, unlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { SessionConfigurationError } from '../session.errors.js';
import { codeOf } from './failure-reason.js';

/** Those of a full disk or quota. */
const FULL: readonly unknown[] = ['ENOSPC', 'EDQUOT'];

/**
 * Tries out at the start whether a snapshot can be written. At the shutdown it would be too late: the sessions would be lost. A full disk
 * passes: it may have room by then, and if it has none, the shutdown tells.
 * @param path absolute.
 * @throws {SessionConfigurationError} when it cannot; the message says why, and what to do.
 */
export function checkSnapshot(path: string): void {
  // As long as the longest name that the snapshot will have, and none that a store would take for a snapshot.
  const probe = `${path}.check-${process.pid}-${randomBytes(6).toString('hex')}`;
  try {
    refuseDirectory(path);
    closeSync(openSync(probe, 'wx', 0o600));
    unlinkSync(probe);
  } catch (cause) {
    if (cause instanceof SessionConfigurationError) throw cause;
    if (FULL.includes(codeOf(cause))) return;
    throw refused(path, reasonOf(cause, dirname(path)), cause);
  }
}

function refuseDirectory(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  throw refused(path, `it is a directory: name a file in it, such as ${join(path, 'sessions')}`);
}

function refused(path: string, reason: string, cause?: unknown): SessionConfigurationError {
  return new SessionConfigurationError(`The memory store cannot write the snapshot ${path}: ${reason}.`, { cause });
}

function reasonOf(error: unknown, folder: string): string {
  const code = codeOf(error);
  switch (code) {
    case 'ENOENT':
      return `there is no directory ${folder}: make it, or name another path`;
    case 'ENOTDIR':
      return `${folder} is a file, or below one: name another path`;
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return `this process may not write to ${folder} (${code}): let it, or name another path`;
    default:
      return `${code ?? String(error)}: name another path`;
  }
}
