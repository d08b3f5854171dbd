import type { DateForm, Dialect } from '../tagged-json/dialect.js';
import { formatHttpDate, parseHttpDate } from './http-date.js';
import { formatIsoDate, formatPythonIsoDate, parseIsoDate } from './iso-date.js';
import { UnserializableError } from '../unserializable-error.js';

/** The text of a date under its tag. */
export function formatWireDate(date: Date, dialect: Dialect, form: DateForm): string {
  if (Number.isNaN(date.getTime()))
    throw new UnserializableError('it is an invalid Date. Check the date before it goes into the session.');
  if (dialect === 'native' && form === 'iso') return formatIsoDate(date);
  const year = date.getUTCFullYear();
  if (year < 1 || year > 9999)
    throw new UnserializableError('neither Python nor an HTTP date knows years before 1 or after 9999.');
  return form === 'http' ? formatHttpDate(date) : formatPythonIsoDate(date);
}

/** The date that a text under the date tag means, in whichever form it was written; `undefined` when it means none. */
export function parseWireDate(text: string): Date | undefined {
  return parseIsoDate(text) ?? parseHttpDate(text);
}
