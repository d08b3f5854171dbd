/** The line before a value: `VALUE <key> <flags> <bytes> [<cas>]`. */
export interface ValueHeader {
  readonly key: string;
  readonly flags: string;
  /** The byte count and what follows it. */
  readonly rest: string;
  readonly bytes: number;
}

/**
 * Takes all complete answers away from the head of the received lines, each value as one line however many it has, and leaves
 * what has come only in part.
 * @param rewrite gives the header line and the value line to hand on.
 */
export function takeAnswers(lines: string[], rewrite: (header: ValueHeader, text: string) => string[]): string[] {
  const answers: string[] = [];
  let unfinished: string[] = [];
  let taken = 0;
  for (let index = 0; index < lines.length;) {
    const line = lines[index] ?? '';
    const header = parseHeader(line);
    if (header) {
      const end = endOfValue(lines, index + 1, header.bytes);
      if (end === undefined) break;
      unfinished.push(...rewrite(header, lines.slice(index + 1, end).join('\r\n')));
      index = end;
    } else {
      answers.push(...unfinished, line);
      unfinished = [];
      taken = ++index;
    }
  }
  lines.splice(0, taken);
  return answers;
}

function parseHeader(line: string): ValueHeader | undefined {
  const [, key, flags, rest, bytes] = /^VALUE (\S+) (\d+) ((\d+).*)$/.exec(line) ?? [];
  return key && flags && rest ? { key, flags, rest, bytes: Number(bytes) } : undefined;
}

/** The index after the last line of the value that begins at `start`, once all its bytes are there. */
function endOfValue(lines: readonly string[], start: number, bytes: number): number | undefined {
  let length = -2;
  for (let index = start; index < lines.length; index++) {
    length += 2 + Buffer.byteLength(lines[index] ?? '');
    if (length >= bytes) return index + 1;
  }
  return undefined;
}
