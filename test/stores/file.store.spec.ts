import { hash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { describe } from 'vitest';

import { FileStore } from '../../lib/stores/file/file.store.js';
import { describeSessionStore } from '../../lib/testing/describe-session-store.js';
import { scratchDirectory } from '../fixtures/scratch-directory.js';
import { storeRunner } from '../fixtures/store-runner.js';

/** What an operator finds who knows the key. */
async function readElsewhere(directory: string, key: string): Promise<string | undefined> {
  const name = hash('sha256', key, 'hex');
  const register = join(directory, name.slice(0, 2), name);
  const [version] = await readdir(register);
  if (version === undefined) return undefined;
  const text = await readFile(join(register, version, version), 'utf8');
  return text.slice(text.indexOf('\n') + 1);
}

describe.each([true, false])('With fsync: %s', (fsync) => {
  describeSessionStore(
    'FileStore: every promise',
    async () => {
      const directory = await scratchDirectory();
      const store = await FileStore.connect({ directory, fsync });
      return {
        store,
        readElsewhere: (key) => readElsewhere(directory, key),
        close: async () => {
          await store.close();
          await rm(directory, { recursive: true });
        },
      };
    },
    storeRunner,
  );
});
