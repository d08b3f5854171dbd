import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

import { format } from 'prettier';

import { costChart } from './cost-chart.mjs';
import { growthChart } from './growth-chart.mjs';
import { withFigures } from './readme-figures.mjs';
import { reportOf } from './report.mjs';

const ROOT = new URL('../', import.meta.url);

/**
 * All that shows the results, by its path: bench/results.md, the charts, and the README with its figures.
 * @param {import('./results.mjs').Results} results
 * @returns {Promise<Record<string, string>>}
 */
export async function filesOf(results) {
  return {
    'docs/images/cost.svg': costChart(results.requests.rows),
    'docs/images/growth.svg': growthChart(results.growth.rows),
    'bench/results.md': await formatted(reportOf(results), { proseWrap: 'always', printWidth: 140 }),
    'README.md': await formatted(withFigures(readFileSync(new URL('README.md', ROOT), 'utf8'), results)),
  };
}

/** @param {import('./results.mjs').Results} results */
export async function writeReport(results) {
  mkdirSync(new URL('docs/images/', ROOT), { recursive: true });
  for (const [path, text] of Object.entries(await filesOf(results))) writeFileSync(new URL(path, ROOT), text);
}

/**
 * @param {string} text
 * @param {import('prettier').Options} [options]
 */
async function formatted(text, options) {
  const style = JSON.parse(readFileSync(new URL('.prettierrc.json', ROOT), 'utf8'));
  return format(text, { ...style, parser: 'markdown', ...options });
}
