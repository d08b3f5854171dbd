// One command for all of it: a Redis, unless REDIS_URL names one, the Quart application, and the NestJS application.
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const REDIS_PORT = '6390';
const quartProgram = fileURLToPath(new URL('quart/app.py', import.meta.url));
// Debian's own Python sees Debian's packages; another one may come first on the PATH.
const pythons = [process.env['PYTHON'], 'python3', '/usr/bin/python3'].filter((name) => name !== undefined);
const children: ChildProcess[] = [];

process.env['PORT'] ??= '3000';
process.env['QUART_PORT'] ??= '5000';
process.env['SECRET_KEY'] ??= 'a secret for a sample';

function start(command: string, ...args: string[]): void {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  child.on('error', (error) => stop(`${command} cannot be started: ${error.message}`));
  child.on('exit', (code) => code && stop(`${command} has ended with ${code}.`));
  children.push(child);
}

function stop(reason: string): void {
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

const python = pythons.find(hasModules);
if (python === undefined) {
  stop(
    'Quart is missing: apt-get install python3-quart python3-redis python3-itsdangerous, or pip install quart redis.',
  );
} else {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => children.forEach((child) => child.kill()));
  }
  process.on('exit', () => children.forEach((child) => child.kill()));
  if (process.env['REDIS_URL'] === undefined) {
    process.env['REDIS_URL'] = `redis://127.0.0.1:${REDIS_PORT}`;
    start('redis-server', '--port', REDIS_PORT, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no');
  }
  start(python, '-B', quartProgram);
  await import('./main.js');
}
