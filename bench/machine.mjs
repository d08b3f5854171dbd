import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, cpus, release, totalmem } from 'node:os';

import { allowedCores } from './cores.mjs';

/** Packages whose versions the figures depend on. */
const LIBRARIES = [
  '@nestjs/core',
  '@nestjs/platform-express',
  '@nestjs/platform-fastify',
  'express',
  'fastify',
  'ioredis',
  'express-session',
  '@fastify/session',
  'connect-redis',
  'redis',
];

/**
 * What the figures were taken on.
 * @typedef {object} Machine
 * @property {string} takenAt the day.
 * @property {string} commit of this repository.
 * @property {string} processor
 * @property {number} cores
 * @property {number} memoryBytes
 * @property {Readonly<Record<string, string>>} versions
 */

/** @returns {Machine} */
export function thisMachine() {
  const versions = { Linux: `${release()} ${arch()}`, Node: process.versions.node, ...programVersions() };
  return {
    takenAt: new Date().toISOString().slice(0, 10),
    commit: commit(),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: allowedCores.length,
    memoryBytes: totalmem(),
    versions: { ...versions, ...Object.fromEntries(LIBRARIES.map((name) => [name, versionOf(name)])) },
  };
}

function programVersions() {
  const firstWord = (/** @type {RegExp} */ pattern, /** @type {readonly string[]} */ [program = '', ...args]) => {
    const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
    return pattern.exec(stdout + stderr)?.[1] ?? 'unknown';
  };
  return {
    Redis: firstWord(/v=(\S+)/, ['redis-server', '--version']),
    wrk: firstWord(/wrk (\S+)/, ['wrk', '-v']),
  };
}

/** @param {string} name */
function versionOf(name) {
  const require = createRequire(import.meta.url);
  for (const folder of require.resolve.paths(name) ?? []) {
    try {
      return String(JSON.parse(readFileSync(`${folder}/${name}/package.json`, 'utf8')).version);
    } catch {
      // Then in the folder above.
    }
  }
  return 'not installed';
}

function commit() {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim();
  } catch {
    return 'unknown';
  }
}
