import { PLATFORMS } from './cells.mjs';
import { drawing, round, rule, text, WIDTH } from './chart.mjs';
import { costOf } from './statistics.mjs';
import { PEER_NAMES, PLATFORM_NAMES } from './target-table.mjs';

/**
 * @typedef {import('./cells.mjs').Platform} Platform
 * @typedef {{ left: number, width: number, most: number }} Panel Where the bars of a platform stand, and the ratio at their right end.
 */

const ROWS = [
  ['plain', 'route without a session', '÷ bare Nest'],
  ['read 200 B', 'read, 200 B', '÷ GET by hand'],
  ['read 8 KB', 'read, 8 KB', '÷ GET by hand'],
  ['write 200 B', 'write, 200 B', '÷ GET + SET by hand'],
  ['write 8 KB', 'write, 8 KB', '÷ GET + SET by hand'],
  ['one 200 B', '50 write one session', '÷ GET + SET by hand'],
];
const TOP = 92;
const ROW = 52;
const BAR = 16;
/** Room for the names of the rows, and for the figure behind the longest bar. */
const NAMES = 164;
const FIGURE = 40;
const GAP = 28;

/**
 * What a request costs beside the same by hand and beside the usual library.
 * @param {readonly import('./rounds.mjs').Row[]} rows
 */
export function costChart(rows) {
  const bars = barsOf(rows);
  const width = (WIDTH - NAMES - GAP) / PLATFORMS.length - FIGURE;
  const most = Math.max(1, ...bars.map(({ value }) => value));
  const height = TOP + ROWS.length * ROW + 4;
  const title = 'CPU time of a request, as a multiple of the same without a session library';
  return drawing({ title, description: described(bars), height }, [
    text({ x: 0, y: 18, style: 'title' }, title),
    ...ROWS.flatMap(([, name = '', over = ''], at) => [
      text({ x: 0, y: TOP + at * ROW + 17 }, name),
      text({ x: 0, y: TOP + at * ROW + 33, style: 'quiet small' }, over),
    ]),
    ...PLATFORMS.flatMap((platform, at) => {
      const panel = { platform, left: NAMES + at * (width + FIGURE + GAP), width, most };
      const own = bars.filter((bar) => bar.platform === platform);
      return [...headOf(panel, height), ...own.map((bar) => barOf(bar, panel)), floorLine(panel, height)];
    }),
  ]);
}

/** @param {readonly import('./rounds.mjs').Row[]} rows */
function barsOf(rows) {
  return ROWS.flatMap(([work = '', name = '', over = ''], at) =>
    PLATFORMS.flatMap((platform) =>
      ['ours', 'peer'].map((application) => {
        const value = costOf(rows, { platform, application, work })?.median ?? 0;
        return { at, name, over, platform, application, value };
      }),
    ),
  );
}

/**
 * @param {Panel & { platform: Platform }} panel
 * @param {number} height
 */
function headOf({ left, platform }, height) {
  const [swatch, peerAt] = [44, left + 106];
  return [
    text({ x: left, y: swatch, style: 'strong' }, PLATFORM_NAMES[platform]),
    `<rect x="${round(left)}" y="55" width="10" height="10" rx="2" class="ours"/>`,
    text({ x: left + 15, y: 64, style: 'small' }, 'nest-session'),
    `<rect x="${round(peerAt)}" y="55" width="10" height="10" rx="2" class="peer"/>`,
    text({ x: peerAt + 15, y: 64, style: 'small' }, PEER_NAMES[platform]),
    rule([left, TOP - 6], [left, height]),
  ];
}

/**
 * @param {Panel} panel
 * @param {number} height
 */
function floorLine({ left, width, most }, height) {
  const x = left + width / most;
  return `${rule([x, TOP - 6], [x, height], 'floor')}\n  ${text({ x, y: TOP - 11, style: 'quiet small middle' }, '1 = no library')}`;
}

/**
 * @param {{ at: number, application: string, value: number }} bar
 * @param {Panel} panel
 */
function barOf({ at, application, value }, { left, width, most }) {
  const y = TOP + at * ROW + 3 + (application === 'ours' ? 0 : BAR + 3);
  const length = (width * value) / most;
  // Behind the floor's line, not on it.
  const end = Math.max(length, width / most);
  const figure = {
    x: left + end + 6,
    y: y + BAR - 4,
    style: application === 'ours' ? 'small strong' : 'small quiet',
  };
  const path = `<rect x="${round(left)}" y="${y}" width="${round(length)}" height="${BAR}" class="${application}"/>`;
  return `${path}\n  ${text(figure, value.toFixed(2))}`;
}

/** @param {readonly { platform: Platform, application: string, name: string, over: string, value: number }[]} bars */
function described(bars) {
  const words = bars.map(({ platform, application, name, over, value }) => {
    const who = application === 'ours' ? 'nest-session' : PEER_NAMES[platform];
    return `${PLATFORM_NAMES[platform]}, ${name}, ${who} ${over}: ${value.toFixed(2)}`;
  });
  return `${words.join('; ')}.`;
}
