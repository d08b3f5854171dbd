import { parseDuration, type Duration } from '../../duration.js';
import { SessionConfigurationError } from '../../session.errors.js';
import { shown } from '../../shown.js';
import { checkOwnOptions } from '../own-options.js';

/** The default of {@link FileStoreOptions.sweepInterval}. */
export const FILE_SWEEP_INTERVAL = '10m';

/** Where the records are, and how safe they are. */
export interface FileStoreOptions {
  /**
   * The directory that holds the records, and nothing else: an absolute path, or one below the working directory. The store makes it
   * with the mode 0700 if it is missing.
   */
  readonly directory: string;
  /**
   * Whether each write is on the disk before its result, so that it outlives a power cut. Without it a write outlives the end of the
   * process, `kill -9` included; a power cut loses the last seconds, and may take whole records that were written in them.
   * @default true
   */
  readonly fsync?: boolean | undefined;
  /**
   * How often expired records and leftovers are removed, in seconds or as a text such as `'10m'`. One of all processes on the
   * directory does it. A sweep lists the directory of each record, about 0.1 ms of processor time: with a million records take an
   * hour or more.
   * @default '10m'
   */
  readonly sweepInterval?: Duration | undefined;
}

/** The options, checked and with their defaults. */
export interface ResolvedFileOptions {
  readonly directory: string;
  readonly fsync: boolean;
  /** Milliseconds. */
  readonly sweepInterval: number;
}

const NAMES: readonly string[] = ['directory', 'fsync', 'sweepInterval'] satisfies (keyof FileStoreOptions)[];

/** A timer of Node holds no more milliseconds. */
const LONGEST_INTERVAL = 2 ** 31 - 1;

/** @throws {SessionConfigurationError} when there is no directory, or an option is wrong. */
export function checkedFileOptions(options: FileStoreOptions): ResolvedFileOptions {
  checkOwnOptions('file', options, NAMES);
  const { directory, fsync = true, sweepInterval = FILE_SWEEP_INTERVAL } = options;
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw new SessionConfigurationError(
      "The file store has no directory: write file: { directory: '/var/lib/app/sessions' }.",
    );
  }
  if (typeof fsync !== 'boolean') {
    throw new SessionConfigurationError(`file.fsync is ${shown(fsync)}: write true or false.`);
  }
  const seconds = parseDuration(sweepInterval);
  if (seconds === undefined) {
    throw new SessionConfigurationError(
      `file.sweepInterval is ${shown(sweepInterval)}: write seconds, or a text such as '10m'.`,
    );
  }
  return { directory, fsync, sweepInterval: Math.min(seconds * 1000, LONGEST_INTERVAL) };
}
