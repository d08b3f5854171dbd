// Looks for the programs that `npm run bench` needs, and installs the libraries that we are measured against where they are missing or
// out of date. With --libraries-only it looks for no program.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { checkTools } from './tools.mjs';

/** @typedef {Readonly<Record<string, { version?: string, link?: boolean }>>} Packages of a lock file, by their place. */

/**
 * @param {string} file
 * @returns {Packages}
 */
function packagesIn(file) {
  try {
    return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')).packages;
  } catch {
    return {};
  }
}

function isUpToDate() {
  const installed = packagesIn('node_modules/.package-lock.json');
  return Object.entries(packagesIn('package-lock.json')).every(
    ([place, { version }]) => !place.startsWith('node_modules/') || installed[place]?.version === version,
  );
}

if (!process.argv.includes('--libraries-only')) checkTools();
if (!isUpToDate()) {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  execFileSync('npm', ['ci', '--prefix', folder, '--no-audit', '--no-fund', '--loglevel', 'error'], {
    stdio: 'inherit',
  });
}
