import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { CELLS, PLATFORMS, QUICK_CELLS, TARGETS } from './cells.mjs';
import { costChart } from './cost-chart.mjs';
import { filesOf } from './publish.mjs';
import { readResults } from './results.mjs';
import { turned } from './rounds.mjs';
import { median, ratioOf } from './statistics.mjs';
import { targetRows } from './target-table.mjs';

type Row = Parameters<typeof ratioOf>[0][number];

const MICROS: Readonly<Record<string, number>> = {
  bare: 10,
  handwritten: 20,
  'handwritten again': 20,
  ours: 30,
  peer: 50,
};

/** Two rounds, of which the second took three times as long. */
function rowsFor(cells: typeof CELLS): Row[] {
  return PLATFORMS.flatMap((platform) =>
    cells.flatMap(({ application, work }) =>
      [0, 1].map((round) => {
        const cpuMicros = (MICROS[application] ?? 40) * (round === 0 ? 1 : 3);
        const spending = { requests: 1000, cpuMicros, redisMicros: 5, perSecond: 9000, p50: 3000, p99: 9000 };
        return { platform, application, work, round, ...spending };
      }),
    ),
  );
}

describe('a ratio', () => {
  const pair = {
    platform: 'fastify',
    ours: { application: 'ours', work: 'read 200 B' },
    over: { application: 'handwritten', work: 'read 200 B' },
    of: 'cpuMicros' as const,
  };

  it('is taken within a round', () => {
    expect(ratioOf(rowsFor(CELLS), pair)).toEqual({ median: 1.5, low: 1.5, high: 1.5 });
  });

  it('has the lowest and the highest of its rounds beside it', () => {
    const rows = rowsFor(CELLS).map((row) =>
      row.application === 'ours' && row.round === 1 ? { ...row, cpuMicros: 120 } : row,
    );
    expect(ratioOf(rows, pair)).toEqual({ median: 1.75, low: 1.5, high: 2 });
  });

  it('is none where a cell was not measured', () => {
    expect(ratioOf(rowsFor(CELLS), { ...pair, ours: { application: 'nobody', work: 'read 200 B' } })).toBeUndefined();
  });
});

it.each([
  [[3], 3],
  [[3, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
])('the median of %j is %d', (values, middle) => {
  expect(median(values)).toBe(middle);
});

it('measures each cell once in each round, in another order', () => {
  const orders = [0, 1, 2, 3].map((round) => turned(CELLS, round));
  for (const order of orders) expect(new Set(order)).toEqual(new Set(CELLS));
  expect(new Set(orders.map((order) => JSON.stringify(order))).size).toBe(orders.length);
});

it('has a row for each target, and one for the control on each platform', () => {
  const table = targetRows(rowsFor(CELLS));
  expect(table).toHaveLength(TARGETS.length + PLATFORMS.length);
  expect(table.find(({ cell }) => cell === 'Fastify, read, 200 B')).toMatchObject({
    ours: '1.50 (1.50–1.50)',
    target: '≤ 1.45',
    met: 'no',
    peer: '2.50 (2.50–2.50)',
  });
  expect(table.find(({ cell }) => cell === 'Fastify, write of one scalar, 200 B')).toMatchObject({ met: 'yes' });
  expect(table.at(-1)).toMatchObject({ ours: '1.00 (1.00–1.00)' });
});

it('leaves out of a first look what it does not measure', () => {
  const cells = targetRows(rowsFor(QUICK_CELLS)).map(({ cell }) => cell);
  expect(cells).toContain('Express, read, 200 B');
  expect(cells).not.toContain('Express, read, 8 KB');
});

it('draws the figures that it was given', () => {
  const chart = costChart(rowsFor(CELLS));
  expect(chart).toContain('>1.50</text>');
  expect(chart).toContain('express-session ÷ GET by hand: 2.50');
  expect(chart).not.toMatch(/NaN|undefined/);
});

it('shows in the page, the charts and the README what the rows of the last run say', async () => {
  const files = await filesOf(readResults());
  for (const [path, text] of Object.entries(files)) {
    expect(readFileSync(new URL(`../${path}`, import.meta.url), 'utf8'), 'run npm run bench -- --report').toBe(text);
  }
});
