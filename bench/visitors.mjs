import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { CONNECTIONS } from './load.mjs';

const folder = mkdtempSync(join(tmpdir(), 'nest-session-bench-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
let files = 0;

/**
 * The cookies of visitors whose sessions an application holds.
 * @typedef {object} Visitors
 * @property {readonly string[]} cookies
 * @property {string} file with one of them a line.
 */

/** @param {readonly string[]} cookies @returns {Visitors} */
export function visitorsWith(cookies) {
  const file = join(folder, String(++files));
  writeFileSync(file, cookies.map((cookie) => `${cookie}\n`).join(''));
  return { cookies, file };
}

/**
 * Starts sessions of that size, each by a request.
 * @param {number} port of the application.
 * @param {number} count
 * @param {number} bytes
 */
export async function newVisitors(port, count, bytes) {
  const cookies = await inParallel(count, async (_, agent) => {
    const { cookie } = await ask({ port, path: `/seed/${bytes}`, agent });
    if (cookie === undefined) throw new Error('The application set no cookie.');
    return cookie;
  });
  return visitorsWith(cookies);
}

/**
 * Sends that many requests with the cookies in turn, and looks at each answer.
 * @param {{ port: number, path: string, cookies: readonly string[] }} target
 * @param {number} count
 */
export async function checkAnswers({ port, path, cookies }, count) {
  await inParallel(count, async (at, agent) => {
    const { body } = await ask({ port, path, agent, cookie: cookies[at % cookies.length] });
    if (!/^\{"n":\d+\}$/.test(body)) throw new Error(`${path} answered ${body}.`);
  });
}

/**
 * @template T
 * @param {number} count
 * @param {(at: number, agent: Agent) => Promise<T>} run
 */
async function inParallel(count, run) {
  // Connections of its own: the server ends one that was idle for a while.
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  let next = 0;
  /** @type {T[]} */
  const results = [];
  const one = async () => {
    for (let at = next++; at < count; at = next++) results[at] = await run(at, agent);
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, one));
  agent.destroy();
  return results;
}

/**
 * @param {{ port: number, path: string, agent: Agent, cookie?: string | undefined }} request
 * @returns {Promise<{ body: string, cookie: string | undefined }>}
 */
function ask({ port, path, agent, cookie }) {
  return new Promise((resolve, reject) => {
    const headers = cookie === undefined ? {} : { cookie };
    get({ host: '127.0.0.1', port, path, agent, headers }, (response) => {
      let body = '';
      response
        .setEncoding('utf8')
        .on('data', (chunk) => (body += chunk))
        .on('end', () => {
          if (response.statusCode !== 200) reject(new Error(`${path} answered ${response.statusCode}: ${body}`));
          else resolve({ body, cookie: response.headers['set-cookie']?.[0]?.split(';', 1)[0] });
        });
    }).on('error', reject);
  });
}
