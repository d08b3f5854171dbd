import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { nestMajor } from '../fixtures/platforms.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
/** The folder that this test project has its peers from. */
const workspace = join(root, process.env['PEERS'] ?? '.');
const require = createRequire(join(workspace, 'package.json'));

const { peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  peerDependencies: Readonly<Record<string, string>>;
};
const peers = Object.keys(peerDependencies);

function versionOf(peer: string): string {
  // Not every package exports its package.json.
  const folders = require.resolve.paths(peer) ?? [];
  const file = folders.map((folder) => join(folder, peer, 'package.json')).find((path) => existsSync(path));
  return (JSON.parse(readFileSync(file ?? '', 'utf8')) as { version: string }).version;
}

/** Where `^5.1 || ^6` starts: 5.1.0. */
function lowestOf(range: string): string {
  const [major, minor = '0', patch = '0'] = (range.split(' ')[0] ?? '').replace('^', '').split('.');
  return `${major}.${minor}.${patch}`;
}

describe('the peers of this test project', () => {
  it('are those of the NestJS that it names', () => {
    expect(versionOf('@nestjs/core')).toMatch(new RegExp(`^${nestMajor}\\.`));
  });

  // reflect-metadata exports nothing: see below.
  it.each(peers.filter((peer) => peer !== 'reflect-metadata'))('are imported from its folder: %s', async (peer) => {
    const imported = (await import(peer)) as Record<string, unknown>;
    const there = (await import(require.resolve(peer))) as Record<string, unknown>;
    // A package may have a file of its own for `import`, which hands on what is in the other one.
    const shared = Object.keys(imported).filter((name) => imported[name] === there[name]);
    expect(shared).not.toEqual([]);
  });

  it('have one reflect-metadata between them, from its folder', () => {
    const loaded = Object.keys(require.cache).filter((path) => path.includes('reflect-metadata'));
    expect(loaded.map(dirname)).toEqual([dirname(require.resolve('reflect-metadata'))]);
  });

  if (workspace.endsWith('lowest-peers')) {
    it.each(peers)('are as low as package.json lets them be: %s', (peer) => {
      expect(versionOf(peer)).toBe(lowestOf(peerDependencies[peer] ?? ''));
    });
  }
});
