import type { SessionError } from '../../session.errors.js';
import { BackEndCommands } from '../back-end-commands.js';
import { type BackEnd, commandError, storeClosed, storeError, timeoutError } from '../back-end.js';
import { checkedTtl, type ClosableStore, type ReplaceOutcome, type StoredSession } from '../session-store.js';
import { SweepWarning } from '../sweep-warning.js';
import { openDirectory } from './directory-check.js';
import { COMMAND_MS, CommandTooLong, FileCommand } from './file-command.js';
import { checkedFileOptions, type FileStoreOptions, type ResolvedFileOptions } from './file-options.js';
import { FileSweep } from './file-sweep.js';
import { codeOf, isRefusal } from './file-system.js';
import { NodeFileSystem } from './node-file-system.js';
import { ForeignFiles, NotDurable, RecordFiles, UnknownFormat, type Contents } from './record-files.js';
import { RecordVersion } from './record-version.js';
import type { StoreDirectory } from './store-directory.js';

export { FILE_SWEEP_INTERVAL, type FileStoreOptions } from './file-options.js';

/**
 * Keeps records as files in a directory, for one machine that has no server. All processes of the machine can share it. How they do
 * is written at {@link RecordFiles}.
 *
 * A write is on the disk before its result, unless `fsync` is `false`. A `kill -9` or a power cut at any moment leaves the old record
 * or the new one, and nothing that blocks. A record takes a file and two directories.
 *
 * Each call to the file system has a second. A command takes several of them, and up to three seconds on a machine that is overloaded.
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
  readonly #directory: StoreDirectory;
  readonly #files: RecordFiles;
  readonly #sweep: FileSweep;
  readonly #warned = new Set<string>();
  readonly #sweepWarning = new SweepWarning('FileStore');
  readonly #onIdle: (() => void)[] = [];
  #underWay = 0;
  #closed = false;

  private constructor({ fsync, sweepInterval }: ResolvedFileOptions, directory: StoreDirectory) {
    this.#backEnd = backEndOf(directory.path);
    const fs = new NodeFileSystem(fsync, new BackEndCommands(this.#backEnd));
    this.#directory = directory;
    const files = new RecordFiles({ fs, directory, later: this.#later, onDamage: this.#onDamage });
    this.#files = files;
    this.#sweep = new FileSweep({
      fs,
      directory,
      files,
      interval: sweepInterval,
      onFailure: this.#onSweepFailure,
      onSuccess: () => this.#sweepWarning.worked(),
    });
    this.#sweep.start();
  }

  /**
   * A store on a directory, which it makes with the mode 0700 if it is missing.
   * @throws {SessionConfigurationError} when there is no directory, or it cannot be used; the message says why.
   */
  static async connect(options: FileStoreOptions): Promise<FileStore> {
    const resolved = checkedFileOptions(options);
    const commands = new BackEndCommands(backEndOf(resolved.directory));
    const fs = new NodeFileSystem(resolved.fsync, commands);
    return new FileStore(resolved, await openDirectory(resolved.directory, fs));
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.read(key))?.value;
  }

  async set(key: string, value: string, ttl?: number): Promise<void> {
    const contents = contentsOf(value, ttl);
    await this.#run((command) => this.#files.set(this.#directory.placeOf(key), contents, command));
  }

  delete(key: string): Promise<boolean> {
    return this.#run((command) => this.#files.delete(this.#directory.placeOf(key), command));
  }

  read(key: string): Promise<StoredSession | undefined> {
    return this.#run(async () => {
      const found = await this.#files.read(this.#directory.placeOf(key));
      return found && { value: found.value, version: found.version.name };
    });
  }

  async create(key: string, value: string, ttl: number): Promise<boolean> {
    const contents = contentsOf(value, checkedTtl(ttl));
    return this.#run((command) => this.#files.create(this.#directory.placeOf(key), contents, command));
  }

  async replace(key: string, value: string, ttl: number, version: unknown): Promise<ReplaceOutcome> {
    const contents = contentsOf(value, checkedTtl(ttl));
    const from = RecordVersion.parse(String(version));
    return this.#run((command) => this.#files.replace(this.#directory.placeOf(key), contents, { from, command }));
  }

  /**
   * Ends the sweep, after the commands that are under way, but waits for a disk that hangs no longer than for any call to it. The store
   * takes no more commands.
   */
  async close(): Promise<void> {
    this.#closed = true;
    await new BackEndCommands(this.#backEnd).endClient(() => this.#ended());
  }

  async #ended(): Promise<void> {
    await this.#sweep.stop();
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#onIdle.push(resolve));
  }

  async #run<Result>(run: (command: FileCommand) => Promise<Result>): Promise<Result> {
    if (this.#closed) throw storeClosed(this.#backEnd);
    this.#underWay++;
    try {
      return await run(new FileCommand());
    } catch (error) {
      throw this.#told(error);
    } finally {
      this.#end();
    }
  }

  /** What is left undone here the sweep does later. */
  readonly #later = (work: () => Promise<unknown>): void => {
    this.#underWay++;
    const end = (): void => this.#end();
    work().then(end, end);
  };

  #end(): void {
    if (--this.#underWay > 0) return;
    for (const notify of this.#onIdle.splice(0)) notify();
  }

  /** The error as the caller gets it. */
  #told(error: unknown): SessionError {
    if (error instanceof CommandTooLong) return timeoutError(this.#backEnd, `did not finish within ${COMMAND_MS} ms`);
    if (error instanceof NotDurable) return storeError(this.#backEnd, 'may lose a write in a power cut', error);
    if (error instanceof UnknownFormat) return storeError(this.#backEnd, 'has a record of another format', error);
    if (error instanceof ForeignFiles) return storeError(this.#backEnd, 'has files of others in it', error);
    return commandError(this.#backEnd, error);
  }

  readonly #onDamage = (file: string): undefined => {
    this.#warn('damage', `A record is damaged, and its session is missing: ${file}`);
  };

  readonly #onSweepFailure = (error: unknown): void => {
    const reason = (): string => codeOf(error) ?? String(error);
    this.#sweepWarning.failed(error, () => `Expired sessions stay in ${this.#directory.path}: ${reason()}`);
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
    isRefusal,
  };
}

function contentsOf(value: string, ttl: number | undefined): Contents {
  return { value, until: ttl === undefined ? Infinity : Date.now() + checkedTtl(ttl) * 1000 };
}
