import { UnserializableError } from '../unserializable-error.js';
import type { Dialect } from './tags.js';

/** How a `Date` is written; both forms are read in either dialect. `http` has whole seconds only. */
export type DateForm = 'iso' | 'http';

/** The parts of a date and time as they are written. */
interface DateParts {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond?: number;
  /** Minutes east of UTC. */
  readonly offset?: number;
}

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

const ISO =
  /^(\d{4}|[+-]\d{6})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?(Z|[+-]\d{2}:?\d{2}(?::\d{2}(?:\.\d+)?)?)?$/;
/** `Thu, 29 Feb 2024 12:00:01 GMT` and RFC 850's `Thursday, 29-Feb-24 12:00:01 GMT`; the weekday may be absent or wrong. */
const DAY_FIRST =
  /^(?:[a-z]+,? +)?(\d{1,2})[ -]([a-z]{3})[ -](\d{4}|\d{2}) (\d{2}):(\d{2}):(\d{2})(?: (gmt|utc|[+-]\d{4}))?$/i;
/** `Thu Feb 29 12:00:01 2024`, as C's asctime() prints it. */
const MONTH_FIRST = /^[a-z]+ ([a-z]{3}) +(\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i;

/**
 * The text of a date under its tag: ISO 8601 with milliseconds, or an HTTP date (RFC 9110 section 5.6.7), which drops the parts of
 * a second.
 * @throws {UnserializableError} when the date is invalid, or its year has no form that others read.
 */
export function formatDate(date: Date, dialect: Dialect, form: DateForm): string {
  if (Number.isNaN(date.getTime())) {
    throw new UnserializableError('it is an invalid Date. Check the date before it goes into the session.');
  }
  if (dialect === 'native' && form === 'iso') return date.toISOString();
  const year = date.getUTCFullYear();
  if (year < 1 || year > 9999) {
    throw new UnserializableError('neither Python nor an HTTP date knows years before 1 or after 9999.');
  }
  // As Python's `isoformat(timespec='microseconds')` writes an aware UTC date; Python before 3.11 does not read a `Z`.
  return form === 'http' ? date.toUTCString() : date.toISOString().replace('Z', '000+00:00');
}

/** The date that a text under the date tag means, in either form; `undefined` when it means none. */
export function parseDate(text: string): Date | undefined {
  return parseIsoDate(text) ?? parseHttpDate(text);
}

/** Without a zone the date is UTC; anything finer than a millisecond is dropped. */
function parseIsoDate(text: string): Date | undefined {
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

/** Reads RFC 9110's three forms, as Python's `email.utils` does. */
function parseHttpDate(text: string): Date | undefined {
  const dayFirst = DAY_FIRST.exec(text);
  if (dayFirst !== null) {
    const [, day, month, year, hour, minute, second, zone] = dayFirst;
    return fromTexts([year, month, day, hour, minute, second], zone);
  }
  const monthFirst = MONTH_FIRST.exec(text);
  if (monthFirst === null) return undefined;
  const [, month, day, hour, minute, second, year] = monthFirst;
  return fromTexts([year, month, day, hour, minute, second], undefined);
}

function fromTexts(texts: readonly (string | undefined)[], zone: string | undefined): Date | undefined {
  const [year = '', month = '', day, hour, minute, second] = texts;
  return toDate({
    year: fullYear(year),
    month: MONTHS.indexOf(month.toLowerCase()) + 1,
    day: Number(day),
    hour: Number(hour),
    minute: Number(minute),
    second: Number(second),
    offset: parseOffset(zone),
  });
}

/** Two digits mean 1969 to 2068, as in Python, which writes them. */
function fullYear(text: string): number {
  const year = Number(text);
  if (text.length !== 2) return year;
  return year > 68 ? 1900 + year : 2000 + year;
}

/** Minutes east of UTC of `+02:00`, `-0530`, `GMT`, `Z` and so on; 0 when there is no zone, because a naive time is taken as UTC. */
function parseOffset(zone: string | undefined): number {
  const match = /^([+-])(\d{2}):?(\d{2})/.exec(zone ?? '');
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return match[1] === '-' ? -minutes : minutes;
}

/** The moment that the parts mean, or `undefined` when there is no such day or time, such as the 30th of February. */
function toDate(parts: DateParts): Date | undefined {
  const { year, month, day, hour, minute, second, millisecond = 0, offset = 0 } = parts;
  // `Date.UTC` takes the years 0 to 99 for 1900 to 1999, so the year is set on its own.
  const date = new Date(Date.UTC(2000, 0, 1, hour, minute, second, millisecond));
  date.setUTCFullYear(year, month - 1, day);
  const exists =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  if (!exists) return undefined;
  date.setTime(date.getTime() - offset * 60_000);
  return Number.isNaN(date.getTime()) ? undefined : date;
}
