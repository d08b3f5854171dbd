import type { Data } from '../session/session-data.js';
import type { SessionLifetime } from '../session/session-lifetime.js';
import type { SessionMeta, SignIn } from '../session/session-record.js';
import type { SignInFacts } from './event-publisher.js';
import type { UserIndex } from './user-index.js';

/** Whose session it is and was, while a change is made. */
export interface UserChange {
  /** The user of the record that is to be written. */
  readonly user: string | undefined;
  /** In whose list the session was. */
  readonly from: string | undefined;
  /** Whether it was this user's before. */
  readonly isSame: boolean;
  /** The sign-in that the record holds. */
  readonly before: SignIn | undefined;
  /** The data that the request shows. */
  readonly shown: Data | undefined;
}

/** Which sign-in the record of a session keeps, as one request writes it: that of another user is none of this one's. */
export class KeptSignIn {
  readonly #index: UserIndex;
  readonly #lifetime: SessionLifetime;
  readonly #openedAt: number;

  constructor(index: UserIndex, lifetime: SessionLifetime) {
    this.#index = index;
    this.#lifetime = lifetime;
    this.#openedAt = lifetime.now();
  }

  /**
   * The sign-in of a new record.
   * @param isKept whether a regenerate has kept the user: that is no sign-in, also where none is known, as after one in Python.
   */
  ofNew(meta: SessionMeta, isKept: boolean): SignIn | undefined {
    return isKept ? meta.signIn : (this.#own(meta) ?? this.#now());
  }

  /** The sign-in of a record that is written anew. */
  of(meta: SessionMeta, { user, from, isSame, before, shown }: UserChange): SignIn | undefined {
    if (isSame) return meta.signIn === before || this.#isOf(user, shown) ? meta.signIn : before;
    if (user === undefined && from === undefined) return meta.signIn;
    return this.#own(meta, before) ?? (user === undefined ? undefined : this.#now());
  }

  /** Whether the request shows this user, and not one in whose place another request has put this one meanwhile. */
  #isOf(user: string | undefined, shown: Data | undefined): boolean {
    return shown === undefined || this.#index.userOf(shown) === user;
  }

  /**
   * The sign-in, if this request has noted it.
   * @param before that of the record. By another machine's clock it may be later than this request.
   */
  #own({ signIn }: SessionMeta, before?: SignIn): SignIn | undefined {
    if (signIn === undefined || signIn.at === before?.at) return undefined;
    return signIn.at >= this.#openedAt ? signIn : undefined;
  }

  #now(): SignIn {
    return { at: this.#lifetime.now() };
  }
}

/** The sign-in that a record is going to note; `undefined` when it is that of before. */
export function notedSignIn({ signIn }: SessionMeta, before: SessionMeta, isSame: boolean): SignInFacts | undefined {
  if (signIn === undefined || (isSame && signIn.at === before.signIn?.at)) return undefined;
  return { amr: signIn.amr, isConfirmation: isSame };
}
