import type { CookieSigner } from '../cookies/cookie-signer.js';
import type { AddressPin } from '../pinning/address-pin.js';
import { isWellFormedId } from '../session/session-id.js';
import type { SessionRecord } from '../session/session-record.js';
import type { LiveSession } from '../session/session.js';
import type { CookieBar } from './cookie-bar.js';
import { HeldRecord } from './held-record.js';
import { OpenSession, type Opening, type OpenSessionParts } from './open-session.js';
import type { ReadRecord } from './session-records.js';
import type { SessionTakeover } from './session-takeover.js';

/** What the engine must know beside what every open session knows. */
export interface SessionEngineParts extends OpenSessionParts {
  /** Absent: the cookie holds the bare id. */
  readonly signer: CookieSigner | undefined;
  /** Absent: sessions are not pinned. */
  readonly pin: AddressPin | undefined;
  /** Absent: there are no sessions of another library to take over. */
  readonly takeover: SessionTakeover | undefined;
  /** Whether a session presented from another address is ended, or only refused. */
  readonly onMismatch: 'destroy' | 'reject';
}

/** What a request brings along. */
export interface Presented {
  /** The values of the session cookie, as sent; there may be several of that name. */
  readonly cookies: readonly string[];
  /** The values of the cookie of the library that was used before. */
  readonly oldCookies?: readonly string[];
  /** The client's address in canonical form; asked for only when sessions are pinned. */
  readonly address: () => string;
  /** What a new record says of `_permanent`; absent: nothing. */
  readonly permanent?: boolean | undefined;
  /** Why the answer cannot carry the cookie, if that is known beforehand. */
  readonly cookieBar?: CookieBar | undefined;
  /** Method and path, to name in a warning. */
  readonly route: string;
  /** Called when another object stands for the session. */
  readonly onReplaced?: ((live: LiveSession) => void) | undefined;
}

/** A cookie that may open a session. */
interface Ticket {
  readonly id: string;
  readonly rotated: boolean;
}

/** Opens sessions. What happens to them afterwards, up to the commit, is {@link OpenSession}'s part of the engine. */
export class SessionEngine {
  readonly #parts: SessionEngineParts;

  constructor(parts: SessionEngineParts) {
    this.#parts = parts;
  }

  /**
   * Cookie, signature, well-formed id, record, lifetime, pin: the first that does not hold opens a new, empty session, under an
   * id of its own, for an id that the store does not know is never adopted. Without an id there is no store command at all.
   */
  async open(presented: Presented): Promise<OpenSession> {
    const address = this.#parts.pin && presented.address();
    const ticket = this.#ticketOf(presented.cookies);
    const found = ticket && (await this.#parts.records.read(ticket.id));
    const opening = this.#newOpening(presented, address);
    if (found === 'retired') return new OpenSession(this.#parts, { ...opening, retired: true });
    const record = this.#unexpired(found);
    if (ticket === undefined || record === undefined) return this.#openOther(presented, opening);
    return this.#openPinned({ ...ticket, record }, opening);
  }

  /** A session that another library left, or a new one. */
  async #openOther({ oldCookies = [] }: Presented, opening: Opening): Promise<OpenSession> {
    const { address, permanent } = opening;
    const { takeover } = this.#parts;
    const taken = oldCookies.length > 0 ? await takeover?.open(oldCookies, { addr: address, permanent }) : undefined;
    if (taken === 'retired') return new OpenSession(this.#parts, { ...opening, retired: true });
    if (taken === undefined || this.#unexpired(taken.record) === undefined)
      return new OpenSession(this.#parts, opening);
    // As for a cookie that was signed with an old secret, a save shows whether the id still holds before the new cookie leaves.
    return this.#openPinned({ ...taken, rotated: true }, opening);
  }

  async #openPinned(found: Ticket & { readonly record: ReadRecord }, opening: Opening): Promise<OpenSession> {
    const { id, record } = found;
    if (!this.#isPinnedElsewhere(record, opening.address))
      return new OpenSession(this.#parts, { ...opening, ...found });
    if (this.#parts.onMismatch === 'destroy') await this.#end(id, record, opening.address);
    return new OpenSession(this.#parts, opening);
  }

  /** The owner may start anew at once, so no tombstone is left. Nor is one removed that the owner's own login has left by now. */
  async #end(id: string, record: ReadRecord, address: string | undefined): Promise<void> {
    const held = new HeldRecord(this.#parts, 'known', id, record);
    await held.rewrite((base) => (this.#isPinnedElsewhere(base, address) ? 'nothing' : base));
  }

  #isPinnedElsewhere({ meta: { addr } }: SessionRecord, address: string | undefined): boolean {
    const { pin } = this.#parts;
    return pin !== undefined && address !== undefined && addr !== undefined && !pin.matches(addr, address);
  }

  /** The value of the cookie that carries this id. */
  cookieValue(id: string): string {
    return this.#parts.signer?.sign(id) ?? id;
  }

  /** Of several cookies with our name, the first whose signature holds counts. */
  #ticketOf(cookies: readonly string[]): Ticket | undefined {
    for (const cookie of cookies) {
      const ticket = this.#parts.signer ? this.#parts.signer.unsign(cookie) : { id: cookie, rotated: false };
      if (ticket !== undefined && isWellFormedId(ticket.id)) return ticket;
    }
    return undefined;
  }

  #unexpired(record: ReadRecord | undefined): ReadRecord | undefined {
    return record === undefined || this.#parts.lifetime.isExpired(record.meta) ? undefined : record;
  }

  #newOpening({ cookies, oldCookies = [], ...rest }: Presented, address: string | undefined): Opening {
    return { ...rest, address, presented: cookies.length + oldCookies.length > 0 };
  }
}
