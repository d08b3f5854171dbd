import { join } from 'node:path';

import type { ReplaceOutcome } from '../session-store.js';
import { codeOf, isDirectory, isMissing, isTaken, succeeds, type FileSystem } from './file-system.js';
import { fileOf, valueIn } from './record-file.js';
import { RecordVersion } from './record-version.js';
import { newName, type Place, type StoreDirectory } from './store-directory.js';

/** How often a register that looks empty is listed again: see {@link RecordFiles.current}. */
const LISTINGS = 3;
/** How often a record may vanish between two steps of one write. More often, something else is in its place. */
const VANISHINGS = 20;

/** A record that was found. */
export interface FoundFile {
  readonly version: RecordVersion;
  readonly value: string;
}

/** What a write stores, and until when. */
export interface Contents {
  readonly value: string;
  /** Milliseconds since 1970, or `Infinity`. */
  readonly until: number;
}

/** The command that a record is written for. */
export interface Command {
  /** Throws when its time is over, so that it must not write any more. */
  check(): void;
}

/** What {@link RecordFiles} works with. */
export interface RecordFilesOptions {
  readonly fs: FileSystem;
  readonly directory: StoreDirectory;
  /** Does what need not be done before the result. */
  readonly later: (work: () => Promise<unknown>) => void;
  /** Is told the path of a file that is cut short or not the record's. */
  readonly onDamage: (file: string) => undefined;
}

/** The write stands, but may not outlive a power cut. */
export class NotDurable extends Error {
  override readonly name = 'NotDurable';
}

/** A file of a format that this version of the library does not know. */
export class UnknownFormat extends Error {
  override readonly name = 'UnknownFormat';
}

/** Something that is not the store's is where a record should be. */
export class ForeignFiles extends Error {
  override readonly name = 'ForeignFiles';
}

/**
 * The records of a directory, by compare-and-set between processes.
 *
 * A record is a directory, its *register*, with one directory in it that has the name of the current version. In that one lies the
 * file of the version, under the same name:
 *
 *     <2 hex digits>/<sha256 of the key>/<version>/<version>
 *
 * - **replace** writes the file of the new version into the directory of the version that was read, and then renames this directory to
 *   the new version. The rename is the compare-and-set. The kernel carries it out for one writer; all others find that the old name is
 *   gone. A version has 128 random bits in its name, so no name comes back: a writer that has slept for a day, while the record
 *   was replaced, deleted, swept and created again, finds neither the directory for its file nor the name to rename.
 * - **create** makes the whole register under a name of its own, and then renames it to the name of the record. A rename onto a
 *   directory that is not empty fails, so one of many creators wins. A register has thus one version, at any time.
 * - **delete** renames the current version to one that is gone. It writes no file, so it works on a full disk. The space is given back
 *   afterwards. `create` and `set` follow a version that has gone or expired as any other, by compare-and-set.
 * - **Removal** never asks whether something is still in use. It removes a file only if its number is not above that of the
 *   version through whose name it got there: such a file has lost, for what it would have followed is gone. (Across names it compares
 *   no numbers, because a record that is created again begins with 1.) It removes directories only
 *   when they are empty, which the kernel checks. It ends an expired record by a delete of just this version. An unfinished
 *   register first gets another name, so that its creator fails instead of publishing what is half removed.
 *
 * A process may end between any two steps. It then leaves the old version or the new one, and files that the sweep finds.
 *
 * Why not otherwise: a lock file outlives `kill -9`, and one that expires (as those of proper-lockfile do) is lost by a process that is
 * stopped for a while, which then writes all the same. Node has no `flock`. `write-file-atomic` replaces without comparing. Hard
 * links with version numbers (`link` fails if the name exists) let a sleeping writer have a number that was swept. LMDB is a native addon.
 */
export class RecordFiles {
  readonly #fs: FileSystem;
  readonly #directory: StoreDirectory;
  readonly #later: RecordFilesOptions['later'];
  readonly #onDamage: RecordFilesOptions['onDamage'];

  constructor({ fs, directory, later, onDamage }: RecordFilesOptions) {
    this.#fs = fs;
    this.#directory = directory;
    this.#later = later;
    this.#onDamage = onDamage;
  }

  /**
   * The record, or `undefined` when it is missing, expired or damaged.
   *
   * The file is opened through the name of its version. So if that works, this version was the current one at that moment.
   */
  async read(place: Place): Promise<FoundFile | undefined> {
    for (let before: string | undefined; ;) {
      const version = await this.current(place);
      if (version === undefined || !version.isAlive()) return undefined;
      const file = join(place.register, version.name, version.name);
      const contents = await this.#fs.read(file).catch(undefinedIfMissing);
      const found = contents === undefined ? 'damaged' : valueIn(contents, place.key);
      if (found === 'of another format') throw new UnknownFormat(`${file} is of another version of nest-session`);
      if (found !== 'damaged') return { version, value: found.value };
      // Missing while its version is the current one all the time: then it is lost, and not just superseded.
      if (before === version.name) return this.#onDamage(file);
      before = version.name;
    }
  }

  /**
   * Stores a record where there is none.
   * @returns `false` when there is one.
   */
  async create(place: Place, contents: Contents, command: Command): Promise<boolean> {
    // The id of a session is new, so most registers are made without a look.
    const first = RecordVersion.first(contents.until);
    if (await this.#begin(place, { to: first, contents: fileOf(place.key, contents.value), command })) return true;
    return this.#put(place, contents, { tried: new Set([first.name]), overwrites: false, command });
  }

  /** Stores a record, whether or not there is one. */
  async set(place: Place, contents: Contents, command: Command): Promise<void> {
    await this.#put(place, contents, { tried: new Set(), overwrites: true, command });
  }

  /** Stores a record in the place of the version that was read. */
  async replace(place: Place, contents: Contents, { from, command }: ReplaceOptions): Promise<ReplaceOutcome> {
    if (!from?.isAlive()) return this.#outcome(place);
    const to = from.next(contents.until);
    if (await this.#step(place, { from, to, value: contents.value, command })) return 'replaced';
    return this.#outcome(place, to);
  }

  /**
   * Removes a record.
   * @returns whether there was one.
   */
  async delete(place: Place, command: Command): Promise<boolean> {
    const tried = new Set<string>();
    for (; ; command.check()) {
      const current = await this.current(place);
      if (current === undefined) return false;
      if (tried.has(current.name)) return this.#commit(place.register).then(() => true);
      if (!current.isAlive()) return false;
      const gone = current.gone();
      tried.add(gone.name);
      if (await this.#move(place, current, gone)) {
        await this.#commit(place.register);
        this.#later(() => this.clear(place.register, gone));
        return true;
      }
    }
  }

  /**
   * The version that is the current one, gone and expired ones included.
   *
   * A directory that is listed while a rename goes on may show the old name, the new one, both or, in a large directory or on a network
   * file system, none: POSIX promises nothing. An empty register is rare, so it is listed again.
   */
  async current(place: Place): Promise<RecordVersion | undefined> {
    for (let listing = 1; ; listing++) {
      const names = await this.#fs.list(place.register).catch(undefinedIfMissing);
      if (names === undefined) return this.#missing();
      const version = latestAmong(names);
      if (version !== undefined || listing === LISTINGS) return version;
    }
  }

  /**
   * Gives back the space of a record that is gone.
   * @returns `false` when a file to follow it is there, or a new record, or something that is not the store's.
   */
  async clear(register: string, gone: RecordVersion): Promise<boolean> {
    const names = await this.#listed(register);
    // In a later register of the same record numbers begin anew.
    for (const name of names.includes(gone.name) ? names : []) {
      const other = RecordVersion.parse(name);
      // Only a copy of a directory that was in use has two versions. The older one must not come to light.
      if (other && gone.supersedes(other)) await this.removeTree(join(register, name));
    }
    await this.removeSuperseded(register, gone);
    if (!(await succeeds(this.#fs.removeDirectory(join(register, gone.name)), isMissing, isTaken))) return false;
    return succeeds(this.#fs.removeDirectory(register), isMissing, isTaken);
  }

  /** Removes what a version has superseded: the files of versions before it, and those that it has won against. */
  async removeSuperseded(register: string, version: RecordVersion): Promise<void> {
    const directory = join(register, version.name);
    for (const name of await this.#listed(directory)) {
      const other = RecordVersion.parse(name);
      if (other && version.supersedes(other)) await succeeds(this.#fs.removeFile(join(directory, name)), isMissing);
    }
  }

  /** Removes a directory with the versions in it, of which none can become a record. What is not the store's stays. */
  async removeTree(path: string): Promise<void> {
    for (const name of await this.#listed(path)) {
      if (!RecordVersion.parse(name)) continue;
      const below = join(path, name);
      if (!(await succeeds(this.#fs.removeFile(below), isMissing, isDirectory))) await this.removeTree(below);
    }
    await succeeds(this.#fs.removeDirectory(path), isMissing, isTaken);
  }

  /** Ends a version that has expired, as a delete does, if it is still the current one. */
  async expire(register: string, version: RecordVersion): Promise<RecordVersion | undefined> {
    const gone = version.gone();
    const from = join(register, version.name);
    return (await succeeds(this.#fs.rename(from, join(register, gone.name)), isMissing)) ? gone : undefined;
  }

  /** Whether there is a record. One that is damaged is none. */
  async #holds(place: Place, current: RecordVersion | undefined): Promise<boolean> {
    return current?.isAlive() === true && (await this.read(place)) !== undefined;
  }

  async #put(place: Place, { value, until }: Contents, { tried, overwrites, command }: PutOptions): Promise<boolean> {
    for (let vanished = 0; ; command.check()) {
      const from = await this.current(place);
      // A network file system may report a rename as failed that it has carried out.
      if (from && tried.has(from.name)) return this.#commit(place.register).then(() => true);
      if (!overwrites && (await this.#holds(place, from))) return false;
      if (!from && ++vanished > VANISHINGS) throw new ForeignFiles(`What is in ${place.register}?`);
      const to = following(from, until);
      tried.add(to.name);
      if (await this.#step(place, { from, to, value, command })) return true;
    }
  }

  #step(place: Place, { from, to, value, command }: Step): Promise<boolean> {
    const contents = fileOf(place.key, value);
    return from ? this.#advance(place, { from, to, contents, command }) : this.#begin(place, { to, contents, command });
  }

  /** The compare-and-set. */
  async #advance(place: Place, { from, to, contents, command }: Advance): Promise<boolean> {
    const directory = join(place.register, from.name);
    const file = join(directory, to.name);
    const wasAlive = from.isAlive();
    try {
      await this.#fs.write(file, contents, [directory]);
      command.check();
    } catch (error) {
      this.#later(() => this.#fs.removeFile(file));
      // Another version is the current one by now.
      if (isMissing(error)) return false;
      throw error;
    }
    // A record that has expired meanwhile is missing.
    if (from.isAlive() !== wasAlive) {
      this.#later(() => this.#fs.removeFile(file));
      return false;
    }
    // Not even an error means here that the file may go: a network file system can carry out the rename later.
    if (!(await this.#move(place, from, to))) {
      this.#later(() => this.#removeLoser(place, to));
      return false;
    }
    await this.#commit(place.register);
    this.#later(() => this.#fs.removeFile(join(place.register, to.name, from.name)));
    return true;
  }

  /**
   * Makes the register of a record.
   * @returns `false` when there is one.
   */
  async #begin(place: Place, { to, contents, command }: Beginning): Promise<boolean> {
    const register = join(place.shard, newName());
    try {
      await this.#makeRegister(place, register);
      const directory = join(register, to.name);
      await this.#fs.makeDirectory(directory);
      await this.#fs.write(join(directory, to.name), contents, [directory, register]);
      command.check();
    } catch (error) {
      this.#later(() => this.removeTree(register));
      // The sweep has come in between, or the directory of the store is gone.
      if (isMissing(error)) return this.#missing().then(() => false);
      throw error;
    }
    try {
      await this.#fs.rename(register, place.register);
    } catch (error) {
      if (isMissing(error)) return this.#missing().then(() => false);
      // After any other error a network file system can carry out the rename later.
      if (!isTaken(error)) throw error;
      this.#later(() => this.removeTree(register));
      // Windows renames nothing onto an empty directory.
      await succeeds(this.#fs.removeDirectory(place.register), isMissing, isTaken);
      return false;
    }
    await this.#commit(place.shard);
    return true;
  }

  async #makeRegister({ shard }: Place, register: string): Promise<void> {
    if (await succeeds(this.#fs.makeDirectory(register), isMissing)) return;
    await this.#missing();
    await succeeds(this.#fs.makeDirectory(shard), isTaken);
    await this.#fs.sync(this.#directory.path);
    await this.#fs.makeDirectory(register);
  }

  async #move(place: Place, from: RecordVersion, to: RecordVersion): Promise<boolean> {
    const old = join(place.register, from.name);
    return succeeds(this.#fs.rename(old, join(place.register, to.name)), isMissing);
  }

  /** Makes a rename durable that was carried out. From here on an error no longer means that nothing has changed. */
  async #commit(directory: string): Promise<void> {
    try {
      await this.#fs.sync(directory);
    } catch (cause) {
      // Deleted or swept meanwhile, with all that was in it.
      if (!isMissing(cause)) throw new NotDurable(`${codeOf(cause)}: ${directory}`, { cause });
    }
  }

  /** Removes the file of a write that has lost, which has moved to where the winner is. */
  async #removeLoser(place: Place, loser: RecordVersion): Promise<void> {
    const current = await this.current(place);
    if (!current?.supersedes(loser)) return;
    await succeeds(this.#fs.removeFile(join(place.register, current.name, loser.name)), isMissing);
  }

  async #outcome(place: Place, tried?: RecordVersion): Promise<ReplaceOutcome> {
    const current = await this.current(place);
    if (!current?.isAlive()) return 'missing';
    return current.name === tried?.name ? 'replaced' : 'conflict';
  }

  /** Rejects when the directory of the store is missing, as when its disk is not mounted: then no record is known to be. */
  async #missing(): Promise<undefined> {
    await this.#fs.modifiedAt(this.#directory.marker);
    return undefined;
  }

  async #listed(directory: string): Promise<readonly string[]> {
    return (await this.#fs.list(directory).catch(undefinedIfMissing)) ?? [];
  }
}

interface PutOptions {
  /** The names of the versions that this write has tried to make the current one. */
  readonly tried: Set<string>;
  /** Whether also over a record that is there. */
  readonly overwrites: boolean;
  readonly command: Command;
}

interface ReplaceOptions {
  /** `undefined` for what is no version of this store. */
  readonly from: RecordVersion | undefined;
  readonly command: Command;
}

interface Step {
  /** `undefined` where there is no register yet. */
  readonly from: RecordVersion | undefined;
  readonly to: RecordVersion;
  readonly value: string;
  readonly command: Command;
}

interface Advance extends Beginning {
  readonly from: RecordVersion;
}

interface Beginning {
  readonly to: RecordVersion;
  readonly contents: Buffer;
  readonly command: Command;
}

function following(version: RecordVersion | undefined, until: number): RecordVersion {
  return version?.next(until) ?? RecordVersion.first(until);
}

function latestAmong(names: readonly string[]): RecordVersion | undefined {
  const versions = names.flatMap((name) => RecordVersion.parse(name) ?? []);
  return versions.reduce<RecordVersion | undefined>(
    (latest, version) => (latest === undefined || version.number > latest.number ? version : latest),
    undefined,
  );
}

function undefinedIfMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
