const UNQUOTABLE = /[^ !#-[\]-~]/;
const NOT_ASCII = /[\x7f-\uffff]/g;

/** The string as JSON in ASCII, escaped as Python's `json` does: everything outside 0x20–0x7E is `\uXXXX` in lower case. */
export function quote(text: string): string {
  return UNQUOTABLE.test(text) ? escapeNonAscii(JSON.stringify(text)) : `"${text}"`;
}

/** JSON text with all that is not ASCII escaped; other control characters are escaped in it already. */
export function escapeNonAscii(json: string): string {
  // Counting bytes is many times faster than a regular expression; it does not see DEL, which is one byte.
  if (Buffer.byteLength(json) === json.length && !json.includes('\x7f')) return json;
  return json.replace(NOT_ASCII, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Where the string of JSON that starts at this quote is over: behind the closing quote, or at the end of a text that was cut. */
export function endOfString(text: string, start: number): number {
  // Stepping from quote to quote takes no stack: a regular expression runs out of it after some millions of escapes.
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let before = at;
    while (text[before - 1] === '\\') before--;
    if ((at - before) % 2 === 0) return at + 1;
  }
  return text.length;
}
