import { spawnSync } from 'node:child_process';
import { platform } from 'node:os';

/** The programs that a run needs, and the Debian package of each. */
const PACKAGES = { wrk: 'wrk', taskset: 'util-linux', 'redis-server': 'redis-server', 'redis-cli': 'redis-tools' };

/** Ends the process with a message where a program is missing. */
export function checkTools() {
  const missing = Object.entries(PACKAGES).filter(([program]) => spawnSync(program, ['--version']).error !== undefined);
  if (missing.length > 0) {
    const names = missing.map(([program]) => program).join(', ');
    stop(`Missing: ${names}. On Debian: apt-get install ${missing.map(([, name]) => name).join(' ')}`);
  }
  if (platform() !== 'linux') stop('The measurements need Linux, for taskset and /proc.');
}

/** @param {string} message */
function stop(message) {
  console.error(message);
  process.exit(1);
}
