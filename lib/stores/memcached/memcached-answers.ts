/** The part of a command that its answer has to fit. */
export interface AskedCommand {
  /** The driver's name for it, such as `gets`. */
  readonly type: string;
  /** The text that was sent: for `gets` the word, a blank and the key. */
  readonly command: string;
}

/** A value with the flags that its writer gave it. */
export interface FlaggedText {
  readonly flags: number;
  readonly text: string;
}

/** The lines for the driver, or why there are none: the answer has not come in full, or this is no answer to the command. */
export type TakenAnswer = string[] | 'unfinished' | 'mismatch';

interface ValueHeader extends Omit<FlaggedText, 'text'> {
  readonly key: string;
  readonly bytes: number;
  /** A blank and the version, after `gets`. */
  readonly cas: string;
}

/** Most bytes of a value on any server: "-I" in https://github.com/memcached/memcached/blob/master/doc/memcached.1 ends at 1 GiB. */
const MOST_BYTES = 1024 ** 3;

// Not `\S` for the key: 0xa0 is a blank in latin1, and part of "à" in UTF-8.
const HEADER = /^VALUE ([^ ]+) (\d+) (\d+)( \d+)?$/;
const REFUSAL = /^(?:ERROR|CLIENT_ERROR|SERVER_ERROR)(?: |$)/;
const END = /^END$/;
const WRITTEN = /^(?:STORED|NOT_STORED|EXISTS|NOT_FOUND)$/;
const COUNTED = /^(?:\d+|NOT_FOUND)$/;

/** The last line of an answer, by the type of its command. The driver knows more types, and the owner of a client may add some. */
const LAST_LINES: ReadonlyMap<string, RegExp> = new Map([
  ['get', END],
  ['gets', END],
  ['set', WRITTEN],
  ['add', WRITTEN],
  ['replace', WRITTEN],
  ['append', WRITTEN],
  ['prepend', WRITTEN],
  ['cas', WRITTEN],
  ['incr', COUNTED],
  ['decr', COUNTED],
  ['delete', /^(?:DELETED|NOT_FOUND)$/],
  ['touch', /^(?:TOUCHED|NOT_FOUND)$/],
  ['flush_all', /^OK$/],
  ['version', /^VERSION /],
]);

/**
 * Removes the answer to one command from the head of the received lines, and returns it with each value as one line, however many
 * lines the value has. The lines stay as they are when the answer has come only in part, or does not fit the command.
 * @param lines the received text as latin1, in which a character is a byte, so that a count of them is exact.
 * @param rewrite returns the value to hand on.
 */
export function takeAnswer(
  lines: string[],
  asked: AskedCommand,
  rewrite: (value: FlaggedText) => FlaggedText,
): TakenAnswer {
  const keys = keysOf(asked);
  const answer: string[] = [];
  let values = 0;
  for (let index = 0; index < lines.length;) {
    const line = lines[index++] ?? '';
    const header = headerOf(line);
    if (!header) {
      answer.push(utf8Of(line));
      if (goesOn(line, answer, asked)) continue;
      if (!mayEnd(line, values, asked)) return 'mismatch';
      lines.splice(0, index);
      return answer;
    }
    if (!mayCome(header, ++values, keys)) return 'mismatch';
    const end = endOfValue(lines, index, header.bytes);
    if (typeof end === 'string') return end;
    const { flags, text } = rewrite({ flags: header.flags, text: utf8Of(lines.slice(index, end).join('\r\n')) });
    answer.push(`VALUE ${utf8Of(header.key)} ${flags} ${header.bytes}${header.cas}`, text);
    index = end;
  }
  return 'unfinished';
}

/**
 * Whether the server may have taken the data after a command for further commands, so that more answers come than commands were
 * sent. It does so after `set key 0 1.5 4`, whose lifetime is invalid.
 */
export function isOutOfStep(answer: readonly string[], { type }: AskedCommand): boolean {
  return LAST_LINES.get(type) === WRITTEN && /^(?:CLIENT_)?ERROR/.test(answer.at(-1) ?? '');
}

/** The keys that a value in the answer may have, in the bytes that were sent; `undefined` for an unknown command. */
function keysOf({ type, command }: AskedCommand): readonly string[] | undefined {
  if (!LAST_LINES.has(type)) return undefined;
  return LAST_LINES.get(type) === END ? latin1Of(command).split(' ').slice(1) : [];
}

function headerOf(line: string): ValueHeader | undefined {
  const [, key, flags, bytes, cas = ''] = HEADER.exec(line) ?? [];
  return key === undefined ? undefined : { key, flags: Number(flags), bytes: Number(bytes), cas };
}

function mayCome({ key, bytes }: ValueHeader, count: number, keys: readonly string[] | undefined): boolean {
  return bytes <= MOST_BYTES && (keys === undefined || (count <= keys.length && keys.includes(key)));
}

/** The index after the last line of the value that begins at `start`. Its bytes end where a line ends, or the count is wrong. */
function endOfValue(lines: readonly string[], start: number, bytes: number): number | 'unfinished' | 'mismatch' {
  let length = -2;
  for (let index = start; index < lines.length; index++) {
    length += 2 + (lines[index]?.length ?? 0);
    if (length >= bytes) return length === bytes ? index + 1 : 'mismatch';
  }
  return 'unfinished';
}

/** Statistics have many lines; ElastiCache's list of servers has data of its own. Only the driver reads these. */
function goesOn(line: string, answer: readonly string[], { type }: AskedCommand): boolean {
  if (LAST_LINES.has(type)) return false;
  return /^(?:STAT|ITEM) /.test(line) || (answer[0]?.startsWith('CONFIG ') === true && line !== 'END');
}

function mayEnd(line: string, values: number, { type }: AskedCommand): boolean {
  const last = values > 0 ? END : LAST_LINES.get(type);
  return last === undefined || last.test(line) || (values === 0 && REFUSAL.test(line));
}

/** The text whose UTF-8 these bytes are. */
function utf8Of(latin1: string): string {
  return /[\x80-\xff]/.test(latin1) ? Buffer.from(latin1, 'latin1').toString() : latin1;
}

/** The bytes of a text in UTF-8, each as one character. */
export function latin1Of(text: string): string {
  return Buffer.from(text).toString('latin1');
}
