import { isPlainNumber } from './plain-json.js';

const UNQUOTABLE = /[^ !#-[\]-~]/;
const NOT_ASCII = /[\x7f-\uffff]/g;

/**
 * The number as Python's `json` writes it. A large number gets a point or an exponent, or Python would read it as an integer, and
 * this library as a `bigint`. NaN and the infinities are bare tokens, which strict JSON does not know.
 */
export function formatNumber(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  if (isPlainNumber(value) || !Number.isInteger(value)) return String(value);
  return Math.abs(value) < 1e16 ? `${value}.0` : value.toExponential();
}

/** The string as JSON in ASCII, escaped as Python's `json` does: every character outside 0x20–0x7E is `\uXXXX` in lower case. */
export function quote(text: string): string {
  return UNQUOTABLE.test(text) ? escapeNonAscii(JSON.stringify(text)) : `"${text}"`;
}

/** JSON text with all non-ASCII characters and DEL escaped; JSON has escaped the other control characters already. */
export function escapeNonAscii(json: string): string {
  // Counting bytes is many times faster than a regular expression; it does not see DEL, which is one byte.
  if (Buffer.byteLength(json) === json.length && !json.includes('\x7f')) return json;
  return json.replace(NOT_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The index behind the JSON string that starts at this quote: behind its closing quote, or the end of a text that was cut. */
export function endOfString(text: string, start: number): number {
  // Stepping from quote to quote takes no stack; a regular expression runs out of it after some millions of escapes.
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let before = at;
    while (text[before - 1] === '\\') before--;
    if ((at - before) % 2 === 0) return at + 1;
  }
  return text.length;
}
