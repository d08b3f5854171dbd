import { costOf } from './statistics.mjs';

/**
 * @typedef {import('./results.mjs').Results} Results
 * @typedef {import('./cells.mjs').Platform} Platform
 */

const BEGIN = '<!-- npm run bench writes from here … -->';
const END = '<!-- … to here. -->';

/**
 * The README with the figures of these results between its two marks.
 * @param {string} readme
 * @param {Results} results
 */
export function withFigures(readme, results) {
  const [from, to] = [readme.indexOf(BEGIN), readme.indexOf(END)];
  if (from === -1 || to === -1) throw new Error(`The README has no “${BEGIN}” and “${END}”.`);
  return `${readme.slice(0, from + BEGIN.length)}\n\n${figures(results)}\n\n${readme.slice(to)}`;
}

/** @param {Results} results */
function figures({ requests: { rows }, machine }) {
  const ratio = (/** @type {Platform} */ platform, /** @type {string} */ work, /** @type {string} */ application) => {
    const spread = costOf(rows, { platform, application, work });
    return spread === undefined ? '–' : spread.median.toFixed(2);
  };
  const line = (/** @type {string} */ title, /** @type {string} */ work) => {
    const cells = [ratio('express', work, 'ours'), ratio('express', work, 'peer'), ratio('fastify', work, 'ours')];
    return `| ${[title, ...cells, ratio('fastify', work, 'peer')].join(' | ')} |`;
  };
  return `| CPU of a request | Express | express-session | Fastify | @fastify/session |
| --- | --: | --: | --: | --: |
${line('a route that does not use its session, ÷ bare Nest', 'plain')}
${line('a read, ÷ one `GET` by hand', 'read 200 B')}
${line('a read of 8 KB', 'read 8 KB')}
${line('a write, ÷ `GET` and `SET` by hand', 'write 200 B')}
${line('50 connections that write one session', 'one 200 B')}

Taken on ${machine.takenAt} with Node ${machine.versions.Node} on ${machine.cores} cores.`;
}
