import { createHash } from 'node:crypto';

import { cookieValues } from '../../../lib/cookies/cookie-header.js';
import { removalCookie, serializeCookie } from '../../../lib/cookies/session-cookie.js';
import type { OpenSession } from '../../../lib/engine/open-session.js';
import type { CookieAction } from '../../../lib/engine/response-cookie.js';
import {
  expressSession,
  HmacSigner,
  ItsdangerousSigner,
  SessionConflictError,
  SessionDestroyedError,
  TaggedJsonSerializer,
  V8Serializer,
  type SessionModuleOptions,
  type SessionSerializer,
} from '../../../lib/index.js';
import { TestEngine } from '../../fixtures/engine.js';
import { CookieMutator } from './cookie-mutator.js';
import { ListedStore } from './listed-store.js';
import { PLANTED, RecordMutator } from './record-mutator.js';
import type { SeededRandom } from './seeded-random.js';
import { presents } from './loose-header.js';

const IDLE = 600;
const SECRETS = ['the secret of today', 'the secret of yesterday'];
const OLD = expressSession({ secret: SECRETS });
const COOKIE = {
  name: 'session',
  path: '/',
  httpOnly: true,
  secure: 'auto',
  sameSite: 'lax',
  persistent: true,
} as const;

/** One way to set the module up, with what an outsider has to know to speak its language. */
interface Configuration {
  readonly options: SessionModuleOptions;
  readonly signer?: HmacSigner | ItsdangerousSigner;
  readonly serializer?: SessionSerializer;
  readonly hashIds?: boolean;
}

const NATIVE = new HmacSigner(SECRETS[0] ?? '');
const ROTATED = new HmacSigner(SECRETS[1] ?? '');
const V8 = new V8Serializer();
const QUART = new TaggedJsonSerializer({ dialect: 'quart' });

const CONFIGURATIONS: readonly Configuration[] = [
  { options: {} },
  { options: { secret: SECRETS }, signer: NATIVE },
  { options: { secret: SECRETS }, signer: ROTATED },
  { options: { secret: SECRETS, serializer: V8, absoluteTimeout: 3600 }, signer: NATIVE, serializer: V8 },
  { options: { serializer: V8 }, serializer: V8 },
  { options: { wire: 'quart' }, serializer: QUART, hashIds: false },
  {
    options: { wire: 'quart', secret: SECRETS, absoluteTimeout: 3600 },
    signer: new ItsdangerousSigner(SECRETS[0] ?? ''),
    serializer: QUART,
    hashIds: false,
  },
  { options: { pinning: true, absoluteTimeout: 3600 } },
  { options: { pinning: { match: 'prefix', onMismatch: 'reject' }, rolling: 'write' } },
  { options: { hashIds: false, tombstones: false, rolling: false }, hashIds: false },
  { options: { secret: SECRETS, migrateFrom: OLD }, signer: NATIVE },
  { options: { secret: SECRETS, migrateFrom: OLD, tombstones: false, pinning: true }, signer: NATIVE },
];

/** What a handler may do to its session, by name. */
const ACTIONS: Readonly<Record<string, (open: OpenSession) => unknown>> = {
  read: ({ live }) => Object.keys(live).map((key) => live[key]),
  write: ({ live }) => (live['n'] = 1),
  nested: ({ live }) => {
    live['list'] = [...(Array.isArray(live['list']) ? (live['list'] as unknown[]) : []), 1];
  },
  forget: ({ live }) => {
    for (const key of Object.keys(live)) delete live[key];
  },
  touch: ({ live }) => live.touch(),
  remember: ({ live }) => live.remember(60),
  'sign in': ({ live }) => live.signedIn({ amr: ['pwd'] }),
  save: async ({ live }) => {
    live['n'] = 2;
    await live.save();
  },
  reload: ({ live }) => live.reload(),
  update: ({ live }) => live.update((data) => void (data['n'] = 3)),
  regenerate: ({ live }) => live.regenerate(),
  login: async ({ live }) => {
    await live.regenerate({ keep: true });
    live['user'] = 'mallory';
  },
  destroy: ({ live }) => live.destroy(),
  'destroy and write': async ({ live }) => {
    await live.destroy();
    live['n'] = 4;
  },
};
const ACTION_NAMES = Object.keys(ACTIONS);
/** Those that start a session of their own, even with the id of one that has ended. */
const STARTING: readonly string[] = ['regenerate', 'login', 'destroy', 'destroy and write'];

/** What came of one case, to see that the fuzz reaches what it should. */
export type Outcome = 'owner' | 'record' | 'new' | 'other';

/** How many mutated requests one application gets, so that what one of them leaves behind meets the next. */
export const REQUESTS = 10;

/** One application, its store, its users, and some requests of an attacker. */
export class EngineCase {
  /** What was done, to be told when it fails. */
  readonly story: string[] = [];
  readonly outcomes: Outcome[] = [];
  readonly #random: SeededRandom;
  readonly #given: Configuration;
  readonly #store = new ListedStore(IDLE);
  readonly #engine: TestEngine;
  readonly #drawn = new Set<string>();
  /** Cookie values and ids by user. */
  readonly #users = new Map<string, { readonly value: string; readonly id: string }>();
  /** Ids by cookie value of sessions whose owners have used them. */
  readonly #spent = new Map<string, string>();
  readonly #records: RecordMutator;
  readonly #planted = new Set<string>();

  constructor(random: SeededRandom) {
    this.#random = random;
    const at = random.below(CONFIGURATIONS.length);
    this.#given = CONFIGURATIONS[at] as Configuration;
    this.story.push(`configuration ${at}`);
    const generateId = (): string => {
      const id = random.text(32);
      this.#drawn.add(id);
      return id;
    };
    this.#engine = new TestEngine(this.#store, { idleTimeout: IDLE, generateId, ...this.#given.options });
    this.#records = new RecordMutator(random, this.#given.serializer ?? new TaggedJsonSerializer());
  }

  async run(): Promise<void> {
    for (let count = 0; count < REQUESTS; count++) {
      for (const user of ['victim', 'mallory']) if (!this.#users.has(user)) await this.#signIn(user);
      if (this.#random.oneIn(2)) await this.#presentCookies();
      else await this.#presentRecord();
      this.#checkWorld();
    }
  }

  async #signIn(user: string): Promise<void> {
    const id = await this.#engine.stored({ user, mark: markOf(user) });
    this.#users.set(user, { id, value: this.#sign(id) });
  }

  async #presentCookies(): Promise<void> {
    const [victim, mallory] = [this.#user('victim'), this.#user('mallory')];
    const values = [victim.value, mallory.value, mallory.value, this.#sign(this.#random.text(32)), victim.id];
    const name = this.#given.options.migrateFrom !== undefined && this.#random.oneIn(3) ? OLD.cookie.name : 'session';
    const header = new CookieMutator(this.#random).header({ name, values });
    await this.#request(header);
  }

  /** The right cookie, and a record under it that is not. */
  async #presentRecord(): Promise<void> {
    const id = this.#random.text(this.#random.pick([16, 32, 32, 32, 128]));
    const text = this.#random.oneIn(2)
      ? this.#records.text()
      : this.#records.bytes().toString(this.#random.pick(['utf8', 'latin1'] as const));
    const isOld = this.#given.options.migrateFrom !== undefined && this.#random.oneIn(2);
    const key = isOld ? OLD.prefix + id : this.#keyOf(id);
    this.story.push(`under ${key}: ${JSON.stringify(text)}`);
    this.#store.plant(key, isOld && this.#random.oneIn(2) ? `{"cookie":{},"it":${JSON.stringify(text)}}` : text);
    this.#planted.add(key);
    const [header, opened] = isOld
      ? [`${OLD.cookie.name}=${encodeURIComponent(OLD.signer.sign(id))}`, OLD.newIdOf(id)]
      : [`session=${this.#sign(id)}`, id];
    this.#planted.add(this.#keyOf(opened));
    // Twice: the second meets what the first has made of it.
    for (let times = this.#random.pick([1, 1, 2]); times > 0; times--) {
      const hasEnded = this.#store.textOf(this.#keyOf(opened))?.startsWith('nest-session tombstone ') === true;
      const [action, need] = await this.#request(header, opened);
      if (hasEnded && need === 'set' && !STARTING.includes(action))
        throw new Error('A session that has ended goes on.');
    }
  }

  /** @param record the id of a record that was planted for this request. */
  async #request(header: string, record?: string): Promise<readonly [action: string, need: CookieAction]> {
    const action = this.#random.pick(ACTION_NAMES);
    this.story.push(`${action} with ${JSON.stringify(header)}`);
    const open = await this.#engine.open(undefined, {
      cookies: cookieValues(header, 'session'),
      migrationCookies: this.#given.options.migrateFrom === undefined ? [] : cookieValues(header, OLD.cookie.name),
    });
    const foundRecord = record !== undefined && !open.isNew && open.id === record;
    this.#note(open, header, foundRecord);
    await this.#act(open, action);
    await open.commit();
    this.#checkCookie(open, header, foundRecord ? record : undefined);
    this.#checkWarnings(header);
    return [action, open.cookieAction];
  }

  async #act(open: OpenSession, action: string): Promise<void> {
    try {
      await ACTIONS[action]?.(open);
    } catch (error) {
      // A session that ended meanwhile, which is answered with 409; the next commit tells of it again.
      if (!(error instanceof SessionDestroyedError || error instanceof SessionConflictError)) throw error;
      await open.commit()?.catch((again: unknown) => {
        if (again !== error) throw again;
      });
    }
  }

  #note(open: OpenSession, header: string, foundRecord: boolean): void {
    for (const [user, { value }] of this.#users) {
      if (open.live['mark'] !== markOf(user)) continue;
      this.outcomes.push('owner');
      if (!presents(header, value)) throw new Error(`The session of ${user} was opened.`);
      // Who knows what this request is about to do to it.
      this.#users.delete(user);
      this.#spent.set(value, open.id);
      return;
    }
    if (foundRecord) this.outcomes.push('record');
    else this.outcomes.push(open.isNew ? 'new' : 'other');
    if (!open.isNew && !foundRecord && !this.#drawn.has(open.id)) throw new Error('A session was opened from nothing.');
    if (typeof open.live.destroy !== 'function' || typeof open.live.isNew !== 'boolean') {
      throw new Error('The data hide a member of the session.');
    }
  }

  /** The answer's cookie is one of our own making, or of a record that was there. */
  #checkCookie(open: OpenSession, header: string, record: string | undefined): void {
    const need = open.cookieAction;
    if (need === 'none') return;
    const now = Date.now() / 1000;
    if (need === 'expire') return void removalCookie(COOKIE, false);
    const line = serializeCookie(COOKIE, this.#sign(open.id), { expiresAt: open.expiresAt, now, secure: false });
    if (!/^session=[\w.-]+; /.test(line)) throw new Error(`The cookie line is ${JSON.stringify(line)}.`);
    if (open.expiresAt !== undefined && !(open.expiresAt <= now + IDLE + 1))
      throw new Error('The cookie lives too long.');
    if (open.id === record) return;
    if ([...this.#spent].some(([value, id]) => id === open.id && presents(header, value))) return;
    if (!this.#drawn.has(open.id) || header.includes(open.id)) throw new Error('An id was adopted.');
  }

  #checkWarnings(header: string): void {
    for (const warning of this.#engine.warnings.splice(0)) {
      const ids = [...this.#drawn, ...[...this.#users.values()].map(({ value }) => value)];
      const secrets = [PLANTED, markOf('victim'), markOf('mallory'), ...SECRETS, ...ids];
      const told = secrets.find((secret) => warning.includes(secret));
      if (told !== undefined) throw new Error(`A warning tells ${told}: ${warning}`);
      const shown = header.split(/[;=,\s]+/).find((piece) => piece.length >= 16 && warning.includes(piece));
      if (shown !== undefined) throw new Error(`A warning shows what the client sent: ${warning}`);
    }
  }

  #checkWorld(): void {
    const known = new Set([...this.#planted, ...[...this.#drawn].map((id) => this.#keyOf(id))]);
    const stray = this.#store.keys.find((key) => !known.has(key));
    if (stray !== undefined) throw new Error(`The store has a key ${JSON.stringify(stray)}.`);
    if (Object.keys(Object.prototype).length > 0 || 'polluted' in {} || 'polluted' in Function) {
      throw new Error('A prototype was polluted.');
    }
  }

  #user(name: string): { readonly value: string; readonly id: string } {
    const user = this.#users.get(name);
    if (user === undefined) throw new Error(`There is no user ${name}.`);
    return user;
  }

  #sign(id: string): string {
    return this.#given.signer?.sign(id) ?? id;
  }

  #keyOf(id: string): string {
    const { hashIds = true } = this.#given;
    return `session:${hashIds ? createHash('sha256').update(id).digest('base64url') : id}`;
  }
}

function markOf(user: string): string {
  return `mark-of-${user}`;
}
