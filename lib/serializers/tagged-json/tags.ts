/** The programs that read the text: this library alone, so that nothing is lost (`native`), or Quart-Session and Flask too (`quart`). */
export type Dialect = 'native' | 'quart';

/** The one key of an object that stands for a value which JSON does not have. Flask's `flask.json.tag` has the first six. */
export const TAG = {
  dict: ' di',
  tuple: ' t',
  bytes: ' b',
  markup: ' m',
  uuid: ' u',
  date: ' d',
  bigint: ' n',
  map: ' map',
  set: ' set',
} as const;

export type Tag = (typeof TAG)[keyof typeof TAG];

const QUART_TAGS: ReadonlySet<string> = new Set([TAG.dict, TAG.tuple, TAG.bytes, TAG.markup, TAG.uuid, TAG.date]);
const NATIVE_TAGS: ReadonlySet<string> = new Set(Object.values(TAG));

const SPACE = 32;

/** The tags that a dialect knows; an object whose only key is another one is an ordinary object. */
export function tagsOf(dialect: Dialect): ReadonlySet<string> {
  return dialect === 'quart' ? QUART_TAGS : NATIVE_TAGS;
}

/** Whether the key begins as every tag does, with a space. */
export function mayBeTag(key: string): boolean {
  return key.charCodeAt(0) === SPACE;
}
