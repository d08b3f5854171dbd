import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { cores, pinned } from './cores.mjs';

/** V8 would drop the code and shrink the heap of a process that waits while others have their turn. */
const KEEP_WARM = ['--no-flush-bytecode', '--no-memory-reducer'];
const PROGRAM = fileURLToPath(new URL('applications/serve.mjs', import.meta.url));

/** One application in a process of its own, on the servers' core. */
export class ServerProcess {
  /**
   * @param {import('node:child_process').ChildProcess} child
   * @param {number} port
   */
  constructor(child, port) {
    this.child = child;
    this.port = port;
  }

  /**
   * @param {import('./cells.mjs').Platform} platform
   * @param {string} application
   * @param {Readonly<Record<string, string>>} environment
   */
  static async start(platform, application, environment) {
    const program = [process.execPath, ...KEEP_WARM, PROGRAM, platform, application];
    const [command, ...args] = pinned(cores.server, program);
    const child = spawn(String(command), args, {
      env: { ...process.env, NODE_ENV: 'production', ...environment },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    const ended = once(child, 'exit').then(() => {
      throw new Error(`The application ${application} on ${platform} ended before it listened.`);
    });
    const [{ port }] = await Promise.race([once(child, 'message'), ended]);
    ended.catch(() => {});
    return new ServerProcess(child, port);
  }

  /** @returns {Promise<import('./applications/serve.mjs').Usage>} */
  async usage() {
    const answer = once(this.child, 'message');
    this.child.send('usage');
    return (await answer)[0];
  }

  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exit = once(this.child, 'exit');
    this.child.kill();
    await exit;
  }
}
