import { endOfString } from './json-scalars.js';

/** One member of an object, exactly as the text has it. */
export interface JsonMember {
  /** The key and the value: from the key's quote to the end of the value. */
  readonly text: string;
  readonly value: string;
}

const SPACE = /[ \t\n\r]*/y;
const BRACKET_OR_QUOTE = /["{}[\]]/g;
const END_OF_WORD = /[,}\]\s]|$/g;

/**
 * The members of the outermost object of a text, in their order.
 * @param text JSON that a parser has read already.
 * @returns `undefined` when the text is no object, or has a key twice.
 */
export function jsonMembers(text: string): Map<string, JsonMember> | undefined {
  const members = new Map<string, JsonMember>();
  let at = afterSpace(text, 0);
  if (text[at] !== '{') return undefined;
  do {
    const start = afterSpace(text, at + 1);
    if (text[start] !== '"') break;
    const endOfKey = endOfString(text, start);
    // Plus one: the colon.
    const value = afterSpace(text, afterSpace(text, endOfKey) + 1);
    const end = endOfValue(text, value);
    const key = JSON.parse(text.slice(start, endOfKey)) as string;
    if (members.has(key)) return undefined;
    members.set(key, { text: text.slice(start, end), value: text.slice(value, end) });
    at = afterSpace(text, end);
  } while (text[at] === ',');
  return members;
}

function endOfValue(text: string, start: number): number {
  if (text[start] === '"') return endOfString(text, start);
  if (text[start] === '{' || text[start] === '[') return endOfBrackets(text, start);
  END_OF_WORD.lastIndex = start;
  return END_OF_WORD.exec(text)?.index ?? text.length;
}

function endOfBrackets(text: string, start: number): number {
  let open = 0;
  let at = start;
  do {
    BRACKET_OR_QUOTE.lastIndex = at;
    const found = BRACKET_OR_QUOTE.exec(text);
    if (found === null) return text.length;
    const [character] = found;
    at = character === '"' ? endOfString(text, found.index) : found.index + 1;
    if (character === '{' || character === '[') open++;
    else if (character !== '"') open--;
  } while (open > 0);
  return at;
}

function afterSpace(text: string, start: number): number {
  SPACE.lastIndex = start;
  return start + (SPACE.exec(text)?.[0].length ?? 0);
}
