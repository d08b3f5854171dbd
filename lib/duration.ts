import ms from 'ms';

/** A length of time: seconds as a number, or a string such as `'30m'`, `'14d'`, `'1.5h'`. */
export type Duration = number | string;

/** The duration in seconds, or `undefined` when it is no duration or not longer than zero. */
export function parseDuration(duration: unknown): number | undefined {
  const seconds = typeof duration === 'string' ? parseText(duration) : duration;
  return typeof seconds === 'number' && Number.isFinite(seconds) && seconds > 0 ? seconds : undefined;
}

function parseText(text: string): number | undefined {
  // Refuses what can be misread: a bare '30' is milliseconds to `ms`, and seconds as a number here.
  if (!/[a-z]/i.test(text) || text.length > 100) return undefined;
  const milliseconds = ms(text as ms.StringValue);
  return typeof milliseconds === 'number' ? milliseconds / 1000 : undefined;
}
