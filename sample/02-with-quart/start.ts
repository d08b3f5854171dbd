// One command for all of it: a Redis, unless REDIS_URL names one, the Quart application, and the NestJS application.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const REDIS_PORT = '6390';
const quartProgram = fileURLToPath(new URL('quart/app.py', import.meta.url));
// Debian's own Python sees Debian's packages; another one may come first on the PATH.
const pythons = process.env['PYTHON'] ? [process.env['PYTHON']] : ['python3', '/usr/bin/python3'];
const children: ChildProcess[] = [];
let isEnding = false;

process.env['PORT'] ||= '3000';
process.env['QUART_PORT'] ||= '5000';
process.env['SECRET_KEY'] ||= 'a secret for a sample and for nothing else';

function start(command: string, args: readonly string[], hint: string): void {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  child.on('error', () => stop(`${command} cannot be started: ${hint}`));
  child.on('exit', () => stop(`${command} has ended: ${hint}`));
  children.push(child);
}

/** Nothing of it runs on alone. */
function end(): void {
  isEnding = true;
  for (const child of children) child.kill();
}

function stop(reason: string): void {
  if (isEnding) return;
  console.error(reason);
  process.exit(1);
}

function hasModules(python: string): boolean {
  try {
    execFileSync(python, ['-c', 'import quart, redis, itsdangerous'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

process.on('exit', end);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit());

const python = pythons.find(hasModules);
if (python === undefined) {
  stop(
    `${pythons.join(' and ')} have no Quart: apt-get install python3-quart python3-redis python3-itsdangerous, or name another Python in PYTHON.`,
  );
} else {
  if (!process.env['REDIS_URL']) {
    process.env['REDIS_URL'] = `redis://127.0.0.1:${REDIS_PORT}`;
    const options = ['--port', REDIS_PORT, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    start(
      'redis-server',
      options,
      `is it installed, and port ${REDIS_PORT} free? Or name a Redis of yours in REDIS_URL.`,
    );
  }
  start(python, ['-B', quartProgram], `is port ${process.env['QUART_PORT']} free? Or name another one in QUART_PORT.`);
  await import('./main.js');
}
