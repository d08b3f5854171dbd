/** The parts of a date and time as they are written; `offset` is minutes east of UTC. */
export interface CalendarDate {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly millisecond?: number;
  readonly offset?: number;
}

/** The moment that is meant, or `undefined` when there is no such day or time, such as the 30th of February. */
export function toDate(parts: CalendarDate): Date | undefined {
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

/** Minutes east of UTC of `+02:00`, `-0530`, `GMT`, `Z` and the like; 0 where none is given: a naive time is taken as UTC. */
export function parseOffset(zone: string | undefined): number {
  const match = /^([+-])(\d{2}):?(\d{2})/.exec(zone ?? '');
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3]);
  return match[1] === '-' ? -minutes : minutes;
}
