import type { Data } from '../session/session-data.js';
import type { ReadRecord, Removal, SessionMeta, SessionRecord } from '../session/session-record.js';
import { isUncertain, SessionDestroyedError, type SessionEndReason } from '../session.errors.js';
import { deviceOf } from './device.js';
import { endedError } from './ended-error.js';
import type { EventSubject, SignInFacts } from './event-publisher.js';
import { KeptSignIn, notedSignIn } from './kept-sign-in.js';
import type { Change, Rewritten } from './record-change.js';
import { RecordHandle, type HandleStart, type RewriteOptions } from './record-handle.js';
import type { SessionContext } from './session-context.js';
import { Stopwatch } from './stopwatch.js';
import { TOMBSTONE_SECONDS } from '../session/tombstone.js';
import type { AdmissionOutcome } from './user-admission.js';
import type { UserDirectory } from './user-directory.js';

/** How long before its end a tombstone no longer counts, in seconds: the clocks of the store and of this machine tick apart. */
const MARGIN = 5;

/** A change, and what else there is to know of it. */
type ListedChange<C extends Change> = C & {
  /** In whose list the record stood that it was made on. */
  readonly from: string | undefined;
  /** The sign-in that it notes. */
  readonly signedIn?: SignInFacts | undefined;
  /** The id of the user who has the session no more, where an event will say so. */
  readonly signedOut?: string | undefined;
};

/** The entry of an id that this request has retired. The id that takes its place takes over the entry. */
interface LeftEntry {
  readonly user: string;
  readonly name: string;
  /** When the user last signed in under that id. */
  readonly signedInAt?: number | undefined;
}

/** What the record says of the user before the session enters the list. */
interface KnownSession {
  /** The data that the record is going to hold. */
  readonly data: Data;
  /** Whether the session is this user's already. */
  readonly isKnown: boolean;
  /** Whether it was put into the list before. */
  readonly wasListed: boolean;
}

/** Thrown out of a change: the record may be written only when the session is in this user's list. */
class ListingWanted extends Error {
  constructor(
    readonly user: string,
    readonly meta: SessionMeta,
    readonly known: KnownSession,
  ) {
    super('The session is not in the list of its user yet.');
  }
}

/**
 * A handle that keeps the lists of users right. The order is everything: the entry goes in before the record is created or says
 * whose it is, and comes out after the record is gone. So a crash between any two steps leaves an entry without a record at most, and
 * never a session without an entry.
 */
export class ListedRecord extends RecordHandle {
  readonly #context: SessionContext;
  readonly #directory: UserDirectory;
  readonly #request: HandleStart['request'];
  readonly #signIn: KeptSignIn;
  /**
   * In whose lists this request has put the session under its present id, until a save has made use of it; and until when the list keeps
   * the entry.
   */
  readonly #entered = new Map<string, number>();
  /** To whose lists it has added an entry. One that was there before is another request's to remove, as a regenerate takes it over. */
  readonly #added = new Set<string>();
  #left: LeftEntry | undefined;
  /** Whose session it was before a regenerate that has kept the user. */
  #keptUser: string | undefined;
  /** The user's session that this request has retired, where an event may say that the sign-in ended there. */
  #retired: EventSubject | undefined;

  constructor(context: SessionContext, start: HandleStart, directory: UserDirectory) {
    super(context, start);
    this.#context = context;
    this.#directory = directory;
    this.#request = start.request;
    this.#signIn = new KeptSignIn(directory.index, context.lifetime);
  }

  override get lacksListing(): boolean {
    if (this.state !== 'known') return false;
    const { data, meta } = this.base;
    const { listing } = meta;
    // Only other programs write the user of a session and leave it in another one's list, or renew it and not its entry.
    if (listing !== undefined && !this.#context.options.writesPermanent) return false;
    const user = this.#directory.index.userOf(data);
    if (user === undefined) return false;
    return user !== listing?.user || this.#context.lifetime.isListingLate(listing.until, meta);
  }

  override get listedAs(): readonly string[] {
    return this.#left === undefined ? super.listedAs : [...super.listedAs, this.#left.name];
  }

  override async create(record: SessionRecord): Promise<void> {
    const left = this.#left;
    if (this.#retired !== undefined) this.#continueAs(this.#context.events.userOf(record.data));
    try {
      await super.create(record);
    } catch (error) {
      if (error instanceof SessionDestroyedError) this.#continueAs(undefined);
      throw error;
    }
    const isConfirmation = this.#retired !== undefined;
    this.#retired = undefined;
    const { signIn, listing } = this.base.meta;
    // A regenerate that keeps the user keeps the sign-in too.
    const isKept = left !== undefined && left.user === listing?.user && left.signedInAt === signIn?.at;
    if (signIn !== undefined && !isKept) this.#context.events.signedIn(this, { amr: signIn.amr, isConfirmation });
  }

  override async rewrite<C extends Change>(
    change: (base: ReadRecord) => C | Promise<C>,
    options: RewriteOptions = {},
  ): Promise<Rewritten<C>> {
    let { reread = false } = options;
    for (;;) {
      try {
        const rewritten = await super.rewrite(this.#listed(change, options.shown), { reread });
        if (rewritten.outcome === 'replaced') this.#publish(rewritten.change);
        await this.#tidyUp(rewritten);
        return rewritten;
      } catch (error) {
        if (!(error instanceof ListingWanted)) throw error;
        if ((await this.#enter(error.user, error.meta, error.known)) !== 'over') continue;
        // What ends the session may have been killed half-way. Then the record is still there, and goes now.
        await this.#context.records.end(this.#name);
        reread = true;
      }
    }
  }

  override async destroy(removal: Removal): Promise<boolean> {
    const user = this.state === 'known' ? this.base.meta.listing?.user : undefined;
    const isDestroyed = await super.destroy(removal);
    if (user !== undefined) await this.#leave([user]);
    await this.settle();
    return isDestroyed;
  }

  override startOver(base: SessionRecord, reason: SessionEndReason, kept: Data): void {
    const { index } = this.#directory;
    const before = this.state === 'known' ? index.userOf(this.base.data) : this.#keptUser;
    this.#keptUser = reason === 'regenerated' && before === index.userOf(kept) ? before : undefined;
    super.startOver(base, reason, kept);
    this.#forgetEntered();
    if (this.#retired !== undefined) this.#continueAs(this.#context.events.userOf(kept));
  }

  override settle(): Promise<void> | undefined {
    this.#continueAs(undefined);
    return this.#leaveLeft();
  }

  #leaveLeft(): Promise<void> | undefined {
    const left = this.#left;
    this.#left = undefined;
    return left && this.#directory.index.removeIfPossible(left.user, [left.name]);
  }

  protected override noteRetired(): void {
    const { events } = this.#context;
    if (!events.wants('signed-out') && !events.wants('signed-in')) return;
    const { handle, user, route } = this;
    if (user !== undefined) this.#retired = { handle, user, route };
  }

  protected override async createOnce(record: SessionRecord): Promise<SessionRecord | undefined> {
    const user = this.#directory.index.userOf(record.data);
    if (user === undefined) {
      const created = await super.createOnce({ ...record, meta: { ...record.meta, listing: undefined } });
      await this.#leaveLeft();
      return created;
    }
    if (this.#left?.user !== user) await this.#leaveLeft();
    const began = new Stopwatch();
    const { data } = record;
    const meta = this.#metaOf(
      { ...record.meta, signIn: this.#signIn.ofNew(record.meta, user === this.#keptUser) },
      user,
    );
    if ((await this.#enter(user, meta, { data, isKnown: false, wasListed: false })) === 'over')
      throw endedError('signIn');
    const created = await this.#createEntered({ ...record, meta }, user);
    if (created !== undefined && !(await this.#isStillIn(user, began))) {
      await this.#context.records.delete(this.id);
      throw endedError('signIn');
    }
    return created;
  }

  /** Creates the record of a session that is in the list. */
  async #createEntered(record: SessionRecord, user: string): Promise<SessionRecord | undefined> {
    const name = this.#name;
    let created: SessionRecord | undefined;
    try {
      created = await super.createOnce(record);
    } catch (error) {
      // A store that has failed may yet have created the record.
      if (!isUncertain(error)) await this.#leave([user]);
      throw error;
    }
    if (created !== undefined) {
      this.#left = undefined;
      this.#forgetEntered();
      return created;
    }
    // The list holds the entry under the id that was taken, and the next id takes it over.
    const taken = await this.#context.records.readNamed(name);
    if (taken === undefined || taken === 'retired') throw endedError('signIn');
    this.#left = { user, name };
    this.#forgetEntered();
    return undefined;
  }

  /**
   * Whether nothing has ended the session between its entry and its record. A tombstone has prevented the record if it came in time
   * and still stood.
   */
  async #isStillIn(user: string, began: Stopwatch): Promise<boolean> {
    if (this.#context.options.tombstones && began.seconds < TOMBSTONE_SECONDS - MARGIN) return true;
    return (await this.#directory.index.holds(user, this.#name)) === true;
  }

  /** The change that refuses to write a record whose session is not in the list of its user. */
  #listed<C extends Change>(
    change: (base: ReadRecord) => C | Promise<C>,
    shown: Data | undefined,
  ): (base: ReadRecord) => ListedChange<C> | Promise<ListedChange<C>> {
    return (base) => {
      const making = change(base);
      const stamp = (made: C): ListedChange<C> => this.#stamp(base, made, shown);
      return making instanceof Promise ? making.then(stamp) : stamp(making);
    };
  }

  #stamp<C extends Change>(base: ReadRecord, made: C, shown: Data | undefined): ListedChange<C> {
    const from = base.meta.listing?.user;
    const { replacement } = made;
    if (typeof replacement === 'string') return { ...made, from };
    const user = this.#directory.index.userOf(replacement.data);
    const isSame = user !== undefined && user === this.#directory.index.userOf(base.data);
    const meta = this.#metaOf(
      {
        ...replacement.meta,
        signIn: this.#signIn.of(replacement.meta, { user, from, isSame, before: base.meta.signIn, shown }),
      },
      user,
    );
    if (user !== undefined && !this.#mayWrite(base.meta, meta)) {
      const { data } = replacement;
      throw new ListingWanted(user, meta, { data, isKnown: isSame, wasListed: from === user });
    }
    const signedIn = user === undefined ? undefined : notedSignIn(meta, base.meta, isSame);
    const signedOut = isSame ? undefined : this.#formerUser(base.data);
    return { ...made, from, signedIn, signedOut, replacement: { ...replacement, meta } };
  }

  /** The id of the user whose session it was, if anything wants to know. */
  #formerUser(data: Data): string | undefined {
    const { events } = this.#context;
    return events.wants('signed-out') ? events.userOf(data) : undefined;
  }

  /** Publishes whose session it is no more and whose it is now, after the record says so. */
  #publish({ signedIn, signedOut }: Pick<ListedChange<Change>, 'signedIn' | 'signedOut'>): void {
    const { events } = this.#context;
    if (signedOut !== undefined) events.signedOut({ handle: this.handle, user: signedOut, route: this.route });
    if (signedIn !== undefined) events.signedIn(this, signedIn);
  }

  /** Publishes that the sign-in of the retired session is over, unless the session goes on as that of the same user. */
  #continueAs(user: string | undefined): void {
    const retired = this.#retired;
    if (retired === undefined || retired.user === user) return;
    this.#retired = undefined;
    this.#context.events.signedOut(retired);
  }

  #mayWrite({ listing, lifetime }: SessionMeta, next: SessionMeta): boolean {
    const user = next.listing?.user;
    if (user === undefined || this.#entered.has(user)) return true;
    return (
      user === listing?.user && lifetime === next.lifetime && !this.#context.lifetime.isListingDue(listing.until, next)
    );
  }

  #metaOf(meta: SessionMeta, user: string | undefined): SessionMeta {
    if (user === undefined) return { ...meta, listing: undefined };
    const known = meta.listing?.user === user ? meta.listing.until : undefined;
    const { lifetime } = this.#context;
    const until = this.#entered.get(user) ?? known ?? lifetime.now() + lifetime.listingSeconds(meta);
    return { ...meta, listing: { user, until } };
  }

  /** Puts the session into a user's list. */
  async #enter(user: string, meta: SessionMeta, known: KnownSession): Promise<AdmissionOutcome> {
    const { admission, index } = this.#directory;
    const { lifetime } = this.#context;
    const at = lifetime.now();
    const entry = {
      name: this.#name,
      since: at,
      at,
      lifetime: lifetime.listingSeconds(meta),
      device: this.#request && deviceOf(this.#request, index.users.device, this.#context.logger),
    };
    const replaced = this.#left?.user === user ? this.#left.name : undefined;
    const mustStand = index.users.verifiesReads && known.wasListed;
    const { isKnown, data } = known;
    const outcome = await admission.enter(user, { entry, replaced, isKnown, mustStand, data, origin: this });
    if (outcome !== 'over') this.#entered.set(user, at + entry.lifetime);
    if (outcome === 'added') this.#added.add(user);
    return outcome;
  }

  #forgetEntered(): void {
    this.#entered.clear();
    this.#added.clear();
  }

  /** Takes the entries out that stand for nothing any more. */
  async #tidyUp<C extends Change>(rewritten: Rewritten<ListedChange<C>>): Promise<void> {
    const [entered, added] = [[...this.#entered.keys()], [...this.#added]];
    this.#forgetEntered();
    if (rewritten.outcome === 'gone') return this.#leave(added);
    const { from, replacement, reason } = rewritten.change;
    const users = new Set(from === undefined ? entered : [...entered, from]);
    if (typeof replacement === 'object') users.delete(replacement.meta.listing?.user ?? '');
    else if (reason === 'regenerated' && from !== undefined) {
      users.delete(from);
      this.#left = { user: from, name: this.#name, signedInAt: this.base.meta.signIn?.at };
    }
    await this.#leave(users);
  }

  async #leave(users: Iterable<string>): Promise<void> {
    for (const user of users) await this.#directory.index.removeIfPossible(user, [this.#name]);
  }

  get #name(): string {
    return this.#context.records.nameOf(this.id);
  }
}

/** A handle on a record, which keeps the lists of users right if the application has the option `user`. */
export function holdRecord(context: SessionContext, start: HandleStart): RecordHandle {
  const { directory } = context;
  return directory === undefined ? new RecordHandle(context, start) : new ListedRecord(context, start, directory);
}
