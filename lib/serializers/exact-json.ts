import { randomUUID } from 'node:crypto';

/**
 * The only key of an object that stands for a bare token which `JSON.parse` refuses or rounds. Drawn at random for each process,
 * so that no stored text can hold it.
 */
export const BARE_TOKEN = `nest-session ${randomUUID()}`;

/**
 * One string, number or word; strings are matched only to step over what is written in them. A string that never ends reaches to
 * the end, or else each quote in it would be tried as the start of a string again, which takes for ever on a long, cut text.
 */
const TOKEN = /"[^"\\]*(?:\\[^]?[^"\\]*)*"?|-?\d[\d.eE+-]*|-?Infinity|NaN/g;
const INTEGER = /^-?[1-9]\d*$/;

/** Like `JSON.parse`, but what that refuses or rounds comes as `{ [BARE_TOKEN]: text }`: NaN, infinities, large integers. */
export function parseExactJson(text: string): unknown {
  return JSON.parse(text.replace(TOKEN, (token) => (isNative(token) ? token : `{"${BARE_TOKEN}":"${token}"}`)));
}

/** The number or bigint that a bare token means. */
export function fromBareToken(token: string): number | bigint {
  return INTEGER.test(token) ? BigInt(token) : Number(token);
}

function isNative(token: string): boolean {
  if (token.startsWith('"')) return true;
  if (token.endsWith('y') || token === 'NaN') return false;
  return token.length < 16 || !INTEGER.test(token) || Number.isSafeInteger(Number(token));
}
