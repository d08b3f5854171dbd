import { SessionConfigurationError } from '../../session.errors.js';
import { BackEndCommands, type CommandUnderWay } from '../back-end-commands.js';
import { storeError, type BackEnd } from '../back-end.js';
import { checkedTtl, type ClosableStore, type ReplaceOutcome, type StoredSession } from '../session-store.js';
import { openDirectory } from './directory-check.js';
import { checkedFileOptions, type FileStoreOptions, type ResolvedFileOptions } from './file-options.js';
import { FileSweep } from './file-sweep.js';
import { codeOf } from './file-system.js';
import { NodeFileSystem } from './node-file-system.js';
import { ForeignFiles, NotDurable, RecordFiles, UnknownFormat, type Contents } from './record-files.js';
import { RecordVersion } from './record-version.js';
import type { StoreDirectory } from './store-directory.js';

export { FILE_SWEEP_INTERVAL, type FileStoreOptions } from './file-options.js';

/**
 * What the system answers when it has changed nothing. `EIO` is not among them: after it nobody knows. Nor is `ENOENT`, which stands
 * for a directory that is missing as a whole.
 */
const REFUSALS: readonly unknown[] = [
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EMFILE',
  'ENFILE',
  'EACCES',
  'EPERM',
  'EFBIG',
  'ENOMEM',
];

/**
 * Keeps records as files in a directory, for one machine that has no server. All processes of the machine can share it. How they do
 * is written at {@link RecordFiles}.
 *
 * A write is on the disk before its result, unless `fsync` is `false`. A `kill -9` or a power cut at any moment leaves the old record
 * or the new one, and nothing that blocks. A record takes a file and two directories.
 *
 * Records expire by the clock of the machine. If it jumps ahead, sessions expire early, and the sweep removes them for good. If it
 * jumps back, they live longer.
 *
 * Network file systems: on NFS version 4.1 or later, mounted `hard` on one machine, the promises hold as on a local disk.
 * Do not share a directory between machines: each remembers listings for seconds, and would take a session that another machine has
 * saved for a missing one; and each has its own clock. Before version 4.1 a lost reply can turn a save into a conflict.
 *
 * It is made for Linux and macOS. On Windows a rename fails while another process reads below it, and a directory has no fsync.
 */
export class FileStore implements ClosableStore {
  readonly #backEnd: BackEnd;
  readonly #commands: BackEndCommands;
  readonly #directory: StoreDirectory;
  readonly #files: RecordFiles;
  readonly #sweep: FileSweep;
  readonly #warned = new Set<string>();
  #closed = false;

  private constructor({ fsync, sweepInterval }: ResolvedFileOptions, directory: StoreDirectory) {
    const fs = new NodeFileSystem(fsync);
    this.#backEnd = backEndOf(directory.path);
    this.#commands = new BackEndCommands(this.#backEnd);
    this.#directory = directory;
    const files = new RecordFiles({ fs, directory, later: this.#later, onDamage: this.#onDamage });
    this.#files = files;
    this.#sweep = new FileSweep({ fs, directory, files, interval: sweepInterval, onFailure: this.#onSweepFailure });
    this.#sweep.start();
  }

  /**
   * A store on a directory, which it makes with the mode 0700 if it is missing.
   * @throws {SessionConfigurationError} when there is no directory, or it cannot be used; the message says why.
   */
  static async connect(options: FileStoreOptions): Promise<FileStore> {
    const resolved = checkedFileOptions(options);
    return new FileStore(resolved, await openDirectory(resolved.directory, new NodeFileSystem(resolved.fsync)));
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.read(key))?.value;
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    const contents = contentsOf(value, ttl);
    await this.#ask((command) =>
      this.#files.put(this.#directory.placeOf(key), contents, { overwrites: true, command }),
    );
  }

  delete(key: string): Promise<boolean> {
    return this.#ask((command) => this.#files.delete(this.#directory.placeOf(key), command));
  }

  read(key: string): Promise<StoredSession | undefined> {
    return this.#ask(async () => {
      const found = await this.#files.read(this.#directory.placeOf(key));
      return found && { value: found.value, version: found.version.name };
    });
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    const contents = contentsOf(value, checkedTtl(ttl));
    return this.#ask((command) =>
      this.#files.put(this.#directory.placeOf(key), contents, { overwrites: false, command }),
    );
  }

  async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    const contents = contentsOf(value, checkedTtl(ttl));
    const from = RecordVersion.parse(String(version));
    if (from === undefined) throw new SessionConfigurationError('This is not a version that the file store has read.');
    return this.#ask((command) => this.#files.replace(this.#directory.placeOf(key), contents, { from, command }));
  }

  /** Ends the sweep, after the commands that are under way. The store takes no more commands. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#sweep.stop();
    await this.#commands.ended();
  }

  #ask<Result>(run: (command: CommandUnderWay<Result>) => Promise<Result>): Promise<Result> {
    return this.#commands.ask<Result>((command) => {
      if (this.#closed) throw storeError(this.#backEnd, 'is no longer used, because the store is closed');
      run(command).then(command.answered, (error: unknown) => command.failed(this.#told(error)));
    });
  }

  /** The error as the caller gets it, where its code alone does not tell. */
  #told(error: unknown): unknown {
    if (error instanceof NotDurable) return storeError(this.#backEnd, 'may lose a write in a power cut', error);
    if (error instanceof UnknownFormat) return storeError(this.#backEnd, 'has a record of another format', error);
    if (error instanceof ForeignFiles) return storeError(this.#backEnd, 'has files of others in it', error);
    return error;
  }

  /** What is left undone here the sweep does later. It counts as a command, so that `close` waits for it. */
  readonly #later = (work: () => Promise<unknown>): void => {
    this.#commands
      .ask<unknown>((command) => {
        work().then(command.answered, command.failed);
      })
      .catch(() => {});
  };

  readonly #onDamage = (file: string): undefined => {
    this.#warn('damage', `A record is damaged, and its session is missing: ${file}`);
  };

  readonly #onSweepFailure = (error: unknown): void => {
    this.#warn('sweep', `Expired sessions stay in ${this.#directory.path}: ${codeOf(error) ?? String(error)}`);
  };

  #warn(topic: string, message: string): void {
    if (this.#warned.has(topic)) return;
    this.#warned.add(topic);
    process.emitWarning(message, 'FileStore');
  }
}

function backEndOf(path: string): BackEnd {
  return {
    name: 'The file store',
    check: `the directory ${path} is there, writable and not full, and that its disk answers`,
    isRefusal: (error) => REFUSALS.includes(codeOf(error)),
  };
}

function contentsOf(value: string, ttl: number | undefined): Contents {
  return { value, until: ttl === undefined ? Infinity : Date.now() + checkedTtl(ttl) * 1000 };
}
