import { constants } from 'node:fs';
import {
  chmod,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { SessionConfigurationError, SessionStoreError } from '../../lib/index.js';
import { createStore } from '../../lib/options/create-store.js';
import { resolveOptions } from '../../lib/options/resolve-options.js';
import { FileStore, type FileStoreOptions } from '../../lib/stores/file/file.store.js';
import { StoreDirectory } from '../../lib/stores/file/store-directory.js';
import { openDirectory } from '../../lib/stores/file/directory-check.js';
import { NodeFileSystem } from '../../lib/stores/file/node-file-system.js';
import { BackEndCommands } from '../../lib/stores/back-end-commands.js';
import { runProgram } from '../fixtures/child-program.js';
import { mkfifoSync } from '../fixtures/fifo.js';
import { Gate } from '../fixtures/gate.js';
import { systemError } from '../fixtures/stepped-file-system.js';

let parent: string;
let directory: string;
const stores: FileStore[] = [];

beforeEach(async () => {
  // On the disk, unlike the tests that write in parallel.
  parent = await mkdtemp(join(tmpdir(), 'nest-session-'));
  directory = join(parent, 'sessions');
});

afterEach(async () => {
  vi.restoreAllMocks();
  await Promise.all(stores.splice(0).map((store) => store.close()));
  await rm(parent, { recursive: true });
});

async function connect(options: Partial<FileStoreOptions> = {}): Promise<FileStore> {
  const store = await FileStore.connect({ directory, ...options });
  stores.push(store);
  return store;
}

/** The disk, which notes the directories above the store's that are synced. */
class NotingFileSystem extends NodeFileSystem {
  readonly synced: string[] = [];
  /** What the next sync of such a directory ends with. */
  failure: Error | undefined;

  constructor() {
    super(true, new BackEndCommands({ name: 'The disk', check: 'it answers', isRefusal: () => false }));
  }

  override async sync(path: string): Promise<void> {
    if (path.startsWith(directory)) return super.sync(path);
    this.synced.push(path);
    if (this.failure) throw this.failure;
    await super.sync(path);
  }
}

/** The register of a record, and its file. */
async function pathsOf(key: string): Promise<{ shard: string; register: string; file: string }> {
  const { shard, register } = new StoreDirectory(directory).placeOf(key);
  const [version = ''] = await readdir(register);
  return { shard, register, file: join(register, version, version) };
}

/** The next warning of a store. */
async function warning(): Promise<string> {
  return new Promise((resolve) => {
    const hear = (told: Error): void => {
      if (told.name !== 'FileStore') return;
      process.off('warning', hear);
      resolve(told.message);
    };
    process.on('warning', hear);
  });
}

describe('A file store at the start', () => {
  it.each([
    [{}, /no directory: write file: \{ directory: /],
    [{ directory: 5 }, /no directory/],
    [{ directory: 'a\0b' }, /no directory/],
    [{ fsync: 'yes' }, /file\.fsync is 'yes': write true or false/],
    [{ sweepInterval: '10' }, /file\.sweepInterval is '10': write seconds/],
    [{ sweepInterval: -1 }, /file\.sweepInterval is -1/],
  ])('refuses %j', async (wrong, message) => {
    const options = { ...('fsync' in wrong || 'sweepInterval' in wrong ? { directory } : {}), ...wrong };
    const refused = FileStore.connect(options as FileStoreOptions);
    await expect(refused).rejects.toThrow(SessionConfigurationError);
    await expect(refused).rejects.toThrow(message);
  });

  it("is what store: 'file' stands for, and has to be told its directory", async () => {
    const store = await createStore('file', resolveOptions({ store: 'file', file: { directory } }));
    expect(store).toBeInstanceOf(FileStore);
    stores.push(store as FileStore);
    await expect(createStore('file', resolveOptions({ store: 'file' }))).rejects.toThrow(/no directory/);
  });

  it('makes a directory and files that no other user can read', async () => {
    const store = await connect();
    await store.set('key', 'value');
    const { shard, register, file } = await pathsOf('key');
    for (const path of [directory, shard, register]) expect((await stat(path)).mode & 0o777).toBe(0o700);
    for (const path of [file, join(directory, 'nest-session')]) expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('warns of a directory that others can get at', async () => {
    await mkdir(directory, { mode: 0o700 });
    await chmod(directory, 0o750);
    const warned = warning();
    await connect();
    expect(await warned).toBe(
      `Other users of this machine can get at ${directory}, where the sessions are: chmod 700 ${directory}`,
    );
  });

  it('refuses a file, and what is below one', async () => {
    await writeFile(directory, 'mine');
    for (const path of [directory, join(directory, 'below')]) {
      await expect(FileStore.connect({ directory: path })).rejects.toThrow(
        `The file store cannot use ${path}: it is a file, or below one.`,
      );
    }
    expect(await readFile(directory, 'utf8')).toBe('mine');
  });

  it('refuses a file system that it cannot write to', async () => {
    const refused = FileStore.connect({ directory: '/proc/sessions' });
    await expect(refused).rejects.toThrow(SessionConfigurationError);
    await expect(refused).rejects.toThrow(/^The file store cannot use \/proc\/sessions: /);
  });

  it('refuses a directory with something else in it, and touches nothing there', async () => {
    await mkdir(directory);
    await writeFile(join(directory, 'letter.txt'), 'theirs');
    await expect(FileStore.connect({ directory })).rejects.toThrow('it holds something else');
    expect(await readdir(directory)).toEqual(['letter.txt']);
  });

  it('refuses an option that it does not know', async () => {
    const options = { directory, dir: directory };
    await expect(FileStore.connect(options)).rejects.toThrow('There is no option file.dir: write directory');
  });

  it('refuses a directory that another version has laid out', async () => {
    await connect();
    await writeFile(join(directory, 'nest-session'), 'Layout 2\n');
    await expect(connect()).rejects.toThrow(/another version of nest-session has laid it out/);
  });

  it('has the new directory outlive a power cut, with all above it that it has made, once', async () => {
    directory = join(parent, 'a', 'b', 'sessions');
    const fs = new NotingFileSystem();
    await openDirectory(directory, fs);
    const above = [parent, join(parent, 'a'), join(parent, 'a', 'b')];
    expect(new Set(fs.synced)).toEqual(new Set(above));
    fs.synced.length = 0;
    await openDirectory(directory, fs);
    expect(fs.synced).toEqual([]);
  });

  it('does so for a process that has made the directory and ended', async () => {
    await mkdir(directory, { mode: 0o700 });
    const fs = new NotingFileSystem();
    await openDirectory(directory, fs);
    expect(fs.synced).toEqual([parent]);
  });

  it.each(['EACCES', 'EROFS'])('works below a directory that it must not sync: %s', async (code) => {
    const fs = new NotingFileSystem();
    fs.failure = systemError(code);
    await openDirectory(directory, fs);
    expect(fs.synced).not.toEqual([]);
  });

  it('refuses a directory whose place could not be synced', async () => {
    const fs = new NotingFileSystem();
    fs.failure = systemError('EIO');
    await expect(openDirectory(directory, fs)).rejects.toThrow(`The file store cannot use ${directory}: EIO.`);
  });

  it('leaves nothing of its trials behind', async () => {
    await connect();
    expect(await readdir(directory)).toEqual(['nest-session']);
  });
});

describe('A file store', () => {
  it.each(['', '/', '..', '../../escaped', 'a/b', 'CON', 'a\0b', '\ud800', 'x'.repeat(1_000_000)])(
    'keeps its files below the directory for the key %j',
    async (key) => {
      const store = await connect();
      expect(await store.create(key, 'value', 60)).toBe(true);
      expect(await store.get(key)).toBe('value');
      expect(await readdir(parent)).toEqual(['sessions']);
      const head = (await readFile((await pathsOf(key)).file, 'utf8')).split('\n')[0] ?? '';
      expect(JSON.parse(head)).toEqual({ format: 1, key: Buffer.from(key).toString(), bytes: 5 });
      expect(await store.delete(key)).toBe(true);
    },
  );

  it('stores half of a surrogate pair as U+FFFD', async () => {
    const store = await connect();
    await store.set('key', 'a\ud800b');
    expect(await store.get('key')).toBe('a\ufffdb');
  });

  it('is out, and loses no session, while its directory is missing or its disk is not mounted', async () => {
    const store = await connect();
    await store.set('key', 'value', 60);
    const { version } = (await store.read('key'))!;
    await rename(directory, join(parent, 'away'));
    for (const isMountPoint of [false, true]) {
      if (isMountPoint) await mkdir(directory);
      const calls = [
        () => store.get('key'),
        () => store.delete('key'),
        () => store.set('key', 'other', 60),
        () => store.create('new', 'value', 60),
        () => store.replace('key', 'other', 60, version),
      ];
      for (const call of calls) {
        const failed = call();
        await expect(failed).rejects.toThrow(SessionStoreError);
        await expect(failed).rejects.toThrow(directory);
        await expect(failed).rejects.toMatchObject({ isRefusal: false, cause: { code: 'ENOENT' } });
      }
    }
    expect(await readdir(directory)).toEqual([]);
    await rm(directory, { recursive: true });
    await rename(join(parent, 'away'), directory);
    expect(await store.replace('key', 'other', 60, version)).toBe('replaced');
  });

  it('leaves files alone that are not its own, and works beside them', async () => {
    const store = await connect({ sweepInterval: 0.01 });
    await store.set('key', 'value');
    const { shard, register, file } = await pathsOf('key');
    const foreign = [directory, shard, register].flatMap((path) =>
      ['.DS_Store', 'ff', 'dead-1'].map((name) => join(path, name)),
    );
    for (const path of foreign) await writeFile(path, 'theirs').catch(() => {});
    await store.set('key', 'other', 1);
    expect(await store.get('key')).toBe('other');
    while ((await readdir(register)).length > 3) await new Promise(setImmediate);
    for (const path of foreign) if (path !== file) expect(await readFile(path, 'utf8')).toBe('theirs');
    expect(await store.get('key')).toBeUndefined();
    await expect(store.set('key', 'again')).rejects.toThrow(/has files of others in it/);
  });

  it.each([
    '',
    '{"format":1',
    '{"format":1,"key":"key","bytes":5}\nvalu',
    '{"format":1,"key":"other","bytes":5}\nvalue',
    'null\n',
  ])('takes a record for missing whose file is %j, says so once, and stores another in its place', async (text) => {
    const store = await connect();
    await store.set('key', 'value', 60);
    const { file } = await pathsOf('key');
    await writeFile(file, text);
    const warned = warning();
    expect(await store.read('key')).toBeUndefined();
    expect(await warned).toBe(`A record is damaged, and its session is missing: ${file}`);
    expect(await store.create('key', 'again', 60)).toBe(true);
    expect(await store.get('key')).toBe('again');
  });

  it('refuses a record of a later format, and does not overwrite it', async () => {
    const store = await connect();
    await store.set('key', 'value', 60);
    const { file } = await pathsOf('key');
    await writeFile(file, '{"format":2}\n');
    await expect(store.read('key')).rejects.toThrow(/has a record of another format/);
    await expect(store.create('key', 'again', 60)).rejects.toThrow(/another format/);
    expect(await readFile(file, 'utf8')).toBe('{"format":2}\n');
  });

  it('does not follow a link in the place of a record', async () => {
    const store = await connect();
    await store.set('key', 'value', 60);
    const { file } = await pathsOf('key');
    await rename(file, join(parent, 'elsewhere'));
    await symlink(join(parent, 'elsewhere'), file);
    await expect(store.read('key')).rejects.toMatchObject({ cause: { code: 'ELOOP' } });
  });

  it('fails each command in time while its disk hangs, leaves the application a thread, and recovers', async () => {
    const store = await connect();
    const keys = Array.from({ length: 8 }, (_, number) => `key ${number}`);
    for (const key of keys) await store.set(key, 'value', 60);
    const files = await Promise.all(keys.map(async (key) => (await pathsOf(key)).file));
    for (const file of files) {
      await unlink(file);
      // Who opens it for reading waits for a writer.
      mkfifoSync(file);
    }
    const late = keys.map((key) => store.read(key));
    const outcomes = Promise.allSettled([...late, store.set('other', 'value', 60)]);
    await stat(parent);
    for (const outcome of await outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { isRefusal: false } });
      expect(String((outcome as PromiseRejectedResult).reason)).toContain('did not answer within 1000 ms');
    }
    for (const file of files) {
      await rename(file, `${file}.hung`);
      await writeFile(file, '');
      // Lets go who waits, if anything does.
      await open(`${file}.hung`, constants.O_WRONLY | constants.O_NONBLOCK).then(
        (handle) => handle.close(),
        () => {},
      );
    }
    await expect
      .poll(() => store.set('other', 'value', 60).then(() => store.get('other')), { timeout: 20_000 })
      .toBe('value');
  });

  it('is closed while its disk hangs, before its commands give up', async () => {
    const store = await connect();
    await store.set('key', 'value', 60);
    const { version } = (await store.read('key'))!;
    const disk = new Gate();
    const write = NodeFileSystem.prototype.write;
    vi.spyOn(NodeFileSystem.prototype, 'write').mockImplementation(async function (this: NodeFileSystem, ...args) {
      await disk.stop();
      await write.apply(this, args);
    });
    let hasEnded = false;
    const replaced = store.replace('key', 'other', 60, version).finally(() => (hasEnded = true));
    await store.close();
    expect(hasEnded).toBe(false);
    disk.open();
    await Promise.allSettled([replaced]);
  });

  it('takes no command after it is closed, and is closed twice', async () => {
    const store = await connect();
    await store.close();
    await store.close();
    await expect(store.get('key')).rejects.toThrow(/the store is closed/);
  });

  it('keeps no process alive', async () => {
    const source = `
      import { FileStore } from '~/lib/stores/file/file.store.js';
      const store = await FileStore.connect({ directory: process.env.DIRECTORY, sweepInterval: 1 });
      await store.set('key', 'value', 60);
      console.log(await store.get('key'));`;
    const { code, stdout } = await runProgram(source, { drivers: 'missing', env: { DIRECTORY: directory } });
    expect([code, stdout]).toEqual([0, 'value\n']);
  });
});
