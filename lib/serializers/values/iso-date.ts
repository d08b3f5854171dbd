import { parseOffset, toDate } from './calendar-date.js';

const ISO =
  /^(\d{4}|[+-]\d{6})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(Z|[+-]\d{2}:?\d{2}(?::\d{2}(?:\.\d+)?)?)?$/;

/** ISO 8601 with milliseconds, as `Date.prototype.toISOString` writes. */
export function formatIsoDate(date: Date): string {
  return date.toISOString();
}

/** ISO 8601 as Python's `isoformat(timespec='microseconds')` writes an aware UTC date; Pythons before 3.11 do not read a `Z`. */
export function formatPythonIsoDate(date: Date): string {
  return date.toISOString().replace('Z', '000+00:00');
}

/** The date that an ISO text means, or `undefined`. Without a zone it is UTC; what is finer than a millisecond is dropped. */
export function parseIsoDate(text: string): Date | undefined {
  const match = ISO.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second = '0', fraction = '', zone] = match;
  return toDate({
    year: Number(year),
    month: Number(month),
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
    millisecond: Number(fraction.slice(0, 3).padEnd(3, '0')),
    offset: parseOffset(zone),
  });
}
