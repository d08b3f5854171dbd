import { GROWTH, PLATFORMS, WORKS } from './cells.mjs';
import { drawing, round, rule, text, WIDTH } from './chart.mjs';
import { median, rowsOf } from './statistics.mjs';
import { PEER_NAMES, PLATFORM_NAMES } from './target-table.mjs';

/**
 * @typedef {import('./cells.mjs').Platform} Platform
 * @typedef {{ application: string, name: string, values: number[] }} Line
 * @typedef {object} Panel
 * @property {Platform} platform
 * @property {number} left
 * @property {number} width
 * @property {(micros: number) => number} y
 */

const TOP = 76;
const BOTTOM = 300;
const HEIGHT = 336;
const AXIS = 52;
const NAMES = 112;
const GAP = 24;
/** Steps of a scale that doubles or more from one to the next. */
const TICKS = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000];
const SIZES = ['100 B', '1 KB', '10 KB', '100 KB'];

/**
 * What a read costs as the session grows.
 * @param {readonly import('./rounds.mjs').Row[]} rows
 */
export function growthChart(rows) {
  const lines = new Map(PLATFORMS.map((platform) => [platform, linesOf(rows, platform)]));
  const values = [...lines.values()].flat().flatMap((line) => line.values);
  const ticks = ticksAround(Math.min(...values), Math.max(...values));
  const [least = 1, most = 10] = [ticks[0], ticks.at(-1)];
  const y = (/** @type {number} */ micros) =>
    BOTTOM - ((BOTTOM - TOP) * Math.log(micros / least)) / Math.log(most / least);
  const width = (WIDTH - GAP) / PLATFORMS.length - AXIS - NAMES;
  const panels = PLATFORMS.map((platform, at) => {
    return { platform, left: AXIS + at * (width + AXIS + NAMES + GAP), width, y };
  });
  const title = 'CPU time of a read as the session grows, in microseconds';
  return drawing({ title, description: described(lines), height: HEIGHT }, [
    text({ x: 0, y: 18, style: 'title' }, title),
    text(
      { x: 0, y: 38, style: 'quiet small' },
      'Both scales are logarithmic: lines that run side by side keep their ratio.',
    ),
    ...panels.flatMap((panel) => [...axesOf(panel, ticks), ...curvesOf(panel, lines.get(panel.platform) ?? [])]),
  ]);
}

/**
 * @param {readonly import('./rounds.mjs').Row[]} rows
 * @param {Platform} platform
 * @returns {Line[]}
 */
function linesOf(rows, platform) {
  const names = { peer: PEER_NAMES[platform], handwritten: 'by hand', ours: 'nest-session' };
  return Object.entries(names).map(([application, name]) => {
    const values = GROWTH.map((work) =>
      median(rowsOf(rows, { platform, application, work }).map(({ cpuMicros }) => cpuMicros)),
    );
    return { application, name, values };
  });
}

/**
 * @param {number} least
 * @param {number} most
 */
function ticksAround(least, most) {
  const first = TICKS.findLastIndex((tick) => tick <= least);
  const last = TICKS.findIndex((tick) => tick >= most);
  return TICKS.slice(Math.max(first, 0), last === -1 ? undefined : last + 1);
}

/** @param {Panel} panel @param {number} at */
function xOf({ left, width }, at) {
  return left + 14 + ((width - 28) * at) / (GROWTH.length - 1);
}

/**
 * @param {Panel} panel
 * @param {readonly number[]} ticks
 */
function axesOf(panel, ticks) {
  const { left, width, y, platform } = panel;
  return [
    text({ x: left, y: TOP - 14, style: 'strong' }, PLATFORM_NAMES[platform]),
    ...ticks.flatMap((tick) => [
      rule([left, y(tick)], [left + width, y(tick)]),
      text({ x: left - 8, y: y(tick) + 4, style: 'quiet small end' }, tick.toLocaleString('en')),
    ]),
    ...SIZES.map((size, at) => text({ x: xOf(panel, at), y: BOTTOM + 20, style: 'quiet small middle' }, size)),
  ];
}

/**
 * @param {Panel} panel
 * @param {readonly Line[]} lines
 */
function curvesOf(panel, lines) {
  const places = apart(lines.map(({ values }) => panel.y(values.at(-1) ?? 1)));
  return lines.flatMap(({ application, name, values }, at) => {
    const points = values.map((value, size) => [xOf(panel, size), panel.y(value)].map(round));
    const label = { x: panel.left + panel.width + 6, y: (places[at] ?? 0) + 4, style: `small label-${application}` };
    return [
      `<polyline points="${points.map((point) => point.join(',')).join(' ')}" class="line line-${application}"/>`,
      ...points.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3.5" class="dot-${application}"/>`),
      text(label, name),
    ];
  });
}

/**
 * Moves labels that would lie over each other so far apart that each can be read.
 * @param {readonly number[]} places
 */
function apart(places) {
  const order = places.map((place, at) => ({ place, at })).toSorted((a, b) => a.place - b.place);
  const least = 16;
  for (const [at, label] of order.entries()) {
    const above = order[at - 1];
    if (above) label.place = Math.max(label.place, above.place + least);
  }
  return order.toSorted((a, b) => a.at - b.at).map(({ place }) => place);
}

/** @param {ReadonlyMap<Platform, readonly Line[]>} lines */
function described(lines) {
  const words = [...lines].flatMap(([platform, ofPlatform]) =>
    ofPlatform.map(({ name, values }) => {
      const figures = values.map(
        (value, at) => `${value.toFixed(0)} at ${WORKS[GROWTH[at] ?? '']?.title.split(', ')[1]}`,
      );
      return `${PLATFORM_NAMES[platform]}, ${name}: ${figures.join(', ')}`;
    }),
  );
  return `${words.join('; ')}.`;
}
