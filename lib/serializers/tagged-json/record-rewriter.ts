import { fingerprint } from '../../session/fingerprint.js';
import type { SessionSerializer } from '../session-serializer.js';
import { jsonMembers, type JsonMember } from './json-members.js';
import { tagsOf } from './tags.js';

type Payload = Readonly<Record<string, unknown>>;
type Members = ReadonlyMap<string, JsonMember>;

const TAGS = tagsOf('native');

/**
 * Writes a record over the text that it was read from: a member that has not changed keeps its exact text. Another program may have
 * written there what JavaScript cannot: that a number is a float, that a time has microseconds or no time zone, the order of the keys.
 */
export class RecordRewriter {
  readonly #serializer: SessionSerializer;

  /** @param serializer writes tagged JSON. */
  constructor(serializer: SessionSerializer) {
    this.#serializer = serializer;
  }

  /**
   * The text of the payload. The keys that `before` has come first, in the same order.
   * @throws {SessionSerializationError} when a value cannot be stored; the error has its path.
   */
  rewrite(payload: Payload, before: string): string {
    const old = jsonMembers(before);
    const kept = old && this.#kept(payload, old);
    const fresh = this.#written(payload, kept);
    const members = kept && fresh && new Map([...kept, ...fresh]);
    if (old === undefined || members === undefined) return this.#serializer.stringify(payload);
    // The new text of an old key takes the place of the old one.
    const keys = new Set([...old.keys(), ...members.keys()]);
    const texts = [...keys].flatMap((key) => members.get(key)?.text ?? []);
    return isTagged(old) || isTagged(members) ? this.#serializer.stringify(payload) : `{${texts.join(',')}}`;
  }

  /** The members of the old text that have not changed. */
  #kept(payload: Payload, old: Members): Members {
    return new Map(
      [...old].filter(([key, { value }]) => Object.hasOwn(payload, key) && this.#isSame(payload[key], value)),
    );
  }

  #isSame(value: unknown, text: string): boolean {
    const print = fingerprint(value);
    return print !== undefined && print === fingerprint(this.#serializer.parse(text));
  }

  /** The other members, with their new text; one that is undefined is left out. */
  #written(payload: Payload, kept: Members | undefined): Members | undefined {
    const entries = Object.entries(payload).filter(([key]) => kept?.has(key) !== true);
    // Beside a second key, no key is taken for a tag.
    let filler = '';
    while (Object.hasOwn(payload, filler)) filler += '.';
    const members = jsonMembers(this.#serializer.stringify(Object.fromEntries([...entries, [filler, null]])));
    members?.delete(filler);
    return members;
  }
}

/** Whether the object's one key is a tag. Its text is then more than the member: the serializer has to escape it. */
function isTagged(members: Members): boolean {
  const [key = ''] = members.size === 1 ? members.keys() : [];
  return TAGS.has(key);
}
