import { beforeEach, describe, expect, it } from 'vitest';

import { CommandTooLong } from '../../../../lib/stores/file/file-command.js';
import { FileSweep } from '../../../../lib/stores/file/file-sweep.js';
import { isRefusal } from '../../../../lib/stores/file/file-system.js';
import { NotDurable, RecordFiles } from '../../../../lib/stores/file/record-files.js';
import { RecordVersion } from '../../../../lib/stores/file/record-version.js';
import { StoreDirectory, type Place } from '../../../../lib/stores/file/store-directory.js';
import { Interleaving } from '../../../fixtures/interleaving.js';
import { SteppedFileSystem, systemError } from '../../../fixtures/stepped-file-system.js';

const command = { check: () => {} };
const contents = { value: 'value', until: Infinity };
const other = { value: 'other', until: Infinity };

let fs: SteppedFileSystem;
let files: RecordFiles;
let place: Place;
let works: Promise<unknown>[];

beforeEach(() => {
  const directory = new StoreDirectory('/');
  // Without an actor every call is carried out at once.
  fs = new SteppedFileSystem(new Interleaving({ next: () => 0 }));
  fs.root.set('nest-session', '');
  works = [];
  files = new RecordFiles({
    fs,
    directory,
    later: (work) => void works.push(work().catch(() => {})),
    onDamage: () => undefined,
  });
  place = directory.placeOf('key');
});

/** What is there when all is done that may be done later. */
async function left(): Promise<string[]> {
  await Promise.all(works);
  return fs.paths();
}

describe('An error of the file system', () => {
  it.each(['ENOSPC', 'EDQUOT', 'EROFS', 'EMFILE', 'ENFILE', 'EACCES', 'EPERM', 'EFBIG', 'ENOMEM'])(
    '%s is a refusal, after which nothing has changed',
    (code) => expect(isRefusal(systemError(code))).toBe(true),
  );

  it.each(['EIO', 'ENOENT', 'ESTALE', 'ETIMEDOUT', 'ENOTDIR'])('%s is none', (code) =>
    expect(isRefusal(systemError(code))).toBe(false),
  );

  it('is none when it is no error of a system call', () => {
    for (const error of [undefined, 'ENOSPC', {}, new Error('ENOSPC')]) expect(isRefusal(error)).toBe(false);
  });

  it.each(['open', 'write', 'rename'])('in the %s of a write leaves the record as it was', async (step) => {
    await files.create(place, contents, command);
    const { version } = (await files.read(place))!;
    fs.failures.set(step, 'ENOSPC');
    await expect(files.replace(place, other, { from: version, command })).rejects.toMatchObject({ code: 'ENOSPC' });
    await expect(files.set(place, other, command)).rejects.toMatchObject({ code: 'ENOSPC' });
    fs.failures.clear();
    expect((await files.read(place))?.value).toBe('value');
    expect(await files.replace(place, other, { from: version, command })).toBe('replaced');
  });

  it.each(['mkdir', 'open', 'write'])('in the %s of a create leaves nothing behind', async (step) => {
    await files.create(place, contents, command);
    await files.delete(place, command);
    const before = await left();
    fs.failures.set(step, 'ENOSPC');
    await expect(files.create(place, contents, command)).rejects.toMatchObject({ code: 'ENOSPC' });
    fs.failures.clear();
    expect(await left()).toEqual(before);
  });

  it('does not keep a record from being deleted when the disk is full', async () => {
    await files.create(place, contents, command);
    for (const step of ['mkdir', 'open', 'write']) fs.failures.set(step, 'ENOSPC');
    await expect(files.set(place, other, command)).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(await files.delete(place, command)).toBe(true);
    expect(await files.read(place)).toBeUndefined();
    expect(await left()).toEqual(['/nest-session', '/2c']);
  });

  it('in the sync after a write tells that the write stands', async () => {
    await files.create(place, contents, command);
    const { version } = (await files.read(place))!;
    fs.failures.set('sync', 'EIO');
    await expect(files.replace(place, other, { from: version, command })).rejects.toThrow(NotDurable);
    expect((await files.read(place))?.value).toBe('other');
    await expect(files.delete(place, command)).rejects.toThrow(NotDurable);
    expect(await files.read(place)).toBeUndefined();
  });

  it('in one record does not keep a sweep from the others', async () => {
    const directory = new StoreDirectory('/');
    for (const key of ['a', 'b', 'c']) await files.create(directory.placeOf(key), { value: key, until: 1 }, command);
    fs.failures.set(`list ${directory.placeOf('b').register.slice(0, 8)}`, 'EIO');
    const sweep = new FileSweep({ fs, directory, files, interval: 1000, onFailure: () => {}, onSuccess: () => {} });
    await expect(sweep.run()).rejects.toMatchObject({ code: 'EIO' });
    expect((await left()).filter((path) => path.length > 60 && path.split('/').length === 3)).toEqual([
      directory.placeOf('b').register,
    ]);
  });
});

describe('A command whose time is over', () => {
  it('creates no record any more, and leaves nothing behind', async () => {
    const late = {
      check: (): never => {
        throw new CommandTooLong();
      },
    };
    await expect(files.create(place, contents, late)).rejects.toThrow(CommandTooLong);
    expect((await left()).filter((path) => path.split('/').length > 2)).toEqual([]);
  });

  it('writes nothing any more', async () => {
    await files.create(place, contents, command);
    const { version } = (await files.read(place))!;
    const before = await left();
    const check = (): never => {
      throw new CommandTooLong();
    };
    await expect(files.replace(place, other, { from: version, command: { check } })).rejects.toThrow(CommandTooLong);
    await expect(files.set(place, other, { check })).rejects.toThrow(CommandTooLong);
    expect(await left()).toEqual(before);
  });
});

describe('A copy of a directory that was in use, with two versions of one record', () => {
  it('is read as the later one, which does not bring the older one back when it is deleted', async () => {
    await files.create(place, contents, command);
    const { version } = (await files.read(place))!;
    await files.replace(place, other, { from: version, command });
    await fs.makeDirectory(`${place.register}/${version.name}`);
    await fs.write(`${place.register}/${version.name}/${version.name}`, Buffer.from('{"format":1}\n'));
    expect((await files.read(place))?.value).toBe('other');
    expect(await files.delete(place, command)).toBe(true);
    expect(await left()).toEqual(['/nest-session', '/2c']);
  });
});

describe('The name of a version', () => {
  it.each(['', '1', '1-2-3', '../x', `1-${'0'.repeat(32)}-soon`, `x-${'0'.repeat(32)}-1`, `1-${'0'.repeat(32)}-1/..`])(
    'is not %j',
    (name) => expect(RecordVersion.parse(name)).toBeUndefined(),
  );

  it('tells until when it is valid', () => {
    for (const until of [0, 1, 1.5, Date.now(), 8.64e15, 9e18, Infinity]) {
      const { name } = RecordVersion.first(until);
      expect(RecordVersion.parse(name)?.until).toBe(until < 1e16 ? Math.ceil(until) : Infinity);
    }
  });

  it('never comes again', () => {
    const version = RecordVersion.first(Infinity);
    expect(version.next(Infinity).name).not.toBe(version.next(Infinity).name);
  });
});
