import { fingerprint } from '../../session/fingerprint.js';
import { jsonMembers, type JsonMember } from './json-members.js';
import type { SessionSerializer } from '../session-serializer.js';
import { tagsOf } from './tags.js';

type Payload = Readonly<Record<string, unknown>>;
type Members = ReadonlyMap<string, JsonMember>;

const TAGS = tagsOf('native');

/**
 * Writes a record over the text that it was read from: what is still the same keeps the very text it has there. Another program may have
 * said in it what JavaScript cannot: that a number is a float, that a time has microseconds or no time zone, in which order keys come.
 */
export class RecordRewriter {
  readonly #serializer: SessionSerializer;

  /** @param serializer writes tagged JSON. */
  constructor(serializer: SessionSerializer) {
    this.#serializer = serializer;
  }

  /**
   * The text of the payload; of its keys, those of `before` come first, in the order they have there.
   * @throws {SessionSerializationError} naming the path of a value that cannot be stored.
   */
  rewrite(payload: Payload, before: string): string {
    const old = jsonMembers(before);
    const kept = old && this.#kept(payload, old);
    const fresh = this.#written(payload, kept);
    const members = kept && fresh && new Map([...kept, ...fresh]);
    if (old === undefined || members === undefined) return this.#serializer.stringify(payload);
    // A new text of an old key stands where the old one stood.
    const keys = new Set([...old.keys(), ...members.keys()]);
    const texts = [...keys].flatMap((key) => members.get(key)?.text ?? []);
    return isTagged(old) || isTagged(members) ? this.#serializer.stringify(payload) : `{${texts.join(',')}}`;
  }

  /** Of the members in the text, those that are still the same. */
  #kept(payload: Payload, old: Members): Members {
    return new Map(
      [...old].filter(([key, { value }]) => Object.hasOwn(payload, key) && this.#isSame(payload[key], value)),
    );
  }

  #isSame(value: unknown, text: string): boolean {
    const print = fingerprint(value);
    return print !== undefined && print === fingerprint(this.#serializer.parse(text));
  }

  /** The other members, as they are to be written; what is undefined is none. */
  #written(payload: Payload, kept: Members | undefined): Members | undefined {
    const entries = Object.entries(payload).filter(([key]) => kept?.has(key) !== true);
    // Beside another key, none is taken for a tag.
    let filler = '';
    while (Object.hasOwn(payload, filler)) filler += '.';
    const members = jsonMembers(this.#serializer.stringify(Object.fromEntries([...entries, [filler, null]])));
    members?.delete(filler);
    return members;
  }
}

/** The one key of an object may stand for a tag; then there is more to its text than the member. */
function isTagged(members: Members): boolean {
  const [key = ''] = members.size === 1 ? members.keys() : [];
  return TAGS.has(key);
}
