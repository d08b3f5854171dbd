const format = new Intl.RelativeTimeFormat('en', { numeric: 'auto' });

const UNITS = [
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** How long ago that was, in words. */
export function since(date) {
  const seconds = Math.max(0, (Date.now() - date.getTime()) / 1000);
  const unit = UNITS.find(([, length]) => seconds >= length);
  return unit === undefined ? 'just now' : format.format(-Math.floor(seconds / unit[1]), unit[0]);
}
