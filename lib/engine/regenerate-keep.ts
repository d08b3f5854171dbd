import type { ResolvedUsers } from '../options/resolve-users.js';
import type { KeptMeta } from '../session/meta-edit.js';
import { pickKeys, type Data } from '../session/session-data.js';
import type { SessionRecord } from '../session/session-record.js';
import type { KeptParts, TrackedMeta } from '../session/tracked-meta.js';
import type { RecordState } from './record-state.js';

const NOTHING: KeptMeta = { lifetime: false, signIn: false };
const KEEPS_NOTHING: KeptParts = { stored: NOTHING, unsaved: NOTHING };

/** How the session after a destroyed or retired one begins. */
export interface NewStart {
  /** When the old one ended, by the clock of the data: what the application has set later belongs to the new one. */
  readonly moment: number;
  /** What the new session has of the meta of a retired one. Absent: the old one was destroyed. */
  readonly kept?: KeptParts;
  /** Whether a new live session takes this one's place. */
  readonly detach?: boolean;
}

/** The session that is retired. */
interface RetiredSession {
  readonly record: { readonly state: RecordState; readonly base: SessionRecord };
  readonly meta: TrackedMeta;
  /** The data of the request at the call of `regenerate`. */
  readonly mine: Data;
}

/** What a regenerate keeps of the session that it retires. */
export class RegenerateKeep {
  readonly #keep: unknown;
  readonly #keys: readonly string[];

  /** @param keep as the application has given it. The list may change while the call waits. */
  constructor(keep: unknown) {
    this.#keep = keep;
    this.#keys = Array.isArray(keep) ? [...(keep as readonly string[])] : [];
  }

  /** @throws {TypeError} when `keep` is neither a boolean nor a list. */
  check(): void {
    if (typeof this.#keep === 'boolean' || Array.isArray(this.#keep)) return;
    throw new TypeError("regenerate: `keep` is true, false or a list of keys, such as ['cart'].");
  }

  /**
   * The data that survive.
   * @param values what the session shows.
   * @param hidden what the record holds beside it, under the name of a member.
   */
  dataOf(values: Data, hidden: Data): Data {
    return this.#keep === true ? { ...hidden, ...values } : pickKeys(values, this.#keys);
  }

  /**
   * What survives of lifetime and sign-in, after the record is retired. The function of the application is asked only if there is any.
   * @param users absent: sessions are nobody's.
   * @param retired the session.
   * @param kept the data that survive.
   */
  metaOf(users: ResolvedUsers | undefined, { record, meta, mine }: RetiredSession, kept: Data): KeptParts {
    const isKnown = record.state === 'known';
    // Another request may have set them since this one opened the session.
    if (isKnown) meta.set(meta.mergedWith(record.base.meta));
    if (!meta.hasChoices) return KEEPS_NOTHING;
    const stored = isKnown ? record.base.data : mine;
    return { stored: this.#partsOf(users, stored, kept), unsaved: this.#partsOf(users, mine, kept) };
  }

  /**
   * What survives of lifetime and sign-in. A sign-in goes with the user. A lifetime goes with all data or with the user: a login
   * keeps the cart of a visitor, and the new user has not asked to be remembered.
   * @param users tells whose session it is.
   * @param before the data of the session that set them.
   * @param kept the data that survive.
   */
  #partsOf(users: ResolvedUsers | undefined, before: Data, kept: Data): KeptMeta {
    const keepsAll = this.#keep === true;
    if (!keepsAll && this.#keys.length === 0) return NOTHING;
    if (users === undefined) return { lifetime: keepsAll, signIn: true };
    const user = users.of(kept);
    const isSame = user === users.of(before);
    return { lifetime: keepsAll || (isSame && user !== undefined), signIn: isSame };
  }
}
