/** The number of this format. A store that finds another one refuses the file. */
const FORMAT = 1;

const LINE_BREAK = 0x0a;

interface Head {
  readonly format: number;
  readonly key: string;
  /** Of the value, in UTF-8. */
  readonly bytes: number;
}

/** What {@link valueIn} finds. */
export type FileContents = { readonly value: string } | 'damaged' | 'of another format';

/**
 * The contents of a record's file: a line of JSON with the key and the length of the value, and then the value in UTF-8. Half of a
 * surrogate pair becomes U+FFFD.
 */
export function fileOf(key: string, value: string): Buffer {
  const bytes = Buffer.from(value);
  const head = { format: FORMAT, key: sentKey(key), bytes: bytes.length } satisfies Head;
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), bytes]);
}

/** The value in a record's file. It is `'damaged'` when it is cut short, or of another key. */
export function valueIn(contents: Buffer, key: string): FileContents {
  const end = contents.indexOf(LINE_BREAK);
  const head = end < 0 ? undefined : headIn(contents.toString('utf8', 0, end));
  if (head === undefined) return 'damaged';
  if (head.format !== FORMAT) return 'of another format';
  const value = contents.subarray(end + 1);
  if (head.key !== sentKey(key) || head.bytes !== value.length) return 'damaged';
  return { value: value.toString() };
}

function headIn(line: string): Partial<Head> | undefined {
  try {
    const head: unknown = JSON.parse(line);
    return typeof head === 'object' && head !== null && 'format' in head ? (head as Partial<Head>) : undefined;
  } catch {
    return undefined;
  }
}

/** The key as its hash sees it, in UTF-8. */
function sentKey(key: string): string {
  return Buffer.from(key).toString();
}
