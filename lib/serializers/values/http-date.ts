import { parseOffset, toDate } from './calendar-date.js';

const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** `Thu, 29 Feb 2024 12:00:01 GMT` and RFC 850's `Thursday, 29-Feb-24 12:00:01 GMT`; the weekday may be absent or wrong. */
const DAY_FIRST =
  /^(?:[a-z]+,? +)?(\d{1,2})[ -]([a-z]{3})[ -](\d{4}|\d{2}) (\d{2}):(\d{2}):(\d{2})(?: (gmt|utc|[+-]\d{4}))?$/i;
/** `Thu Feb 29 12:00:01 2024`, as C's asctime() prints. */
const MONTH_FIRST = /^[a-z]+ ([a-z]{3}) +(\d{1,2}) (\d{2}):(\d{2}):(\d{2}) (\d{4})$/i;

/** The date in the form of RFC 9110, section 5.6.7. Parts of a second are dropped; that form has none. */
export function formatHttpDate(date: Date): string {
  return date.toUTCString();
}

/** The date that a text in one of RFC 9110's three forms means, or `undefined`. Python's `email.utils` reads the same ones. */
export function parseHttpDate(text: string): Date | undefined {
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

/** Two digits mean 1969 to 2068, as they do to Python, which is who writes them. */
function fullYear(text: string): number {
  const year = Number(text);
  if (text.length !== 2) return year;
  return year > 68 ? 1900 + year : 2000 + year;
}
