import { createHash } from 'node:crypto';

import { Controller, Get, Post, Res, UseGuards } from '@nestjs/common';
import { Redis } from 'ioredis';

import {
  HmacSigner,
  Session,
  SessionGuard,
  TaggedJsonSerializer,
  V8Serializer,
  type SessionModuleOptions,
  type SessionSerializer,
} from '../../../lib/index.js';
import { RedisStore } from '../../../lib/stores/redis/redis.store.js';
import type { Platform } from '../../fixtures/platforms.js';
import { takenOver, type Reply } from '../../fixtures/reply.js';
import { SessionApp } from '../../fixtures/session-app.js';
import { CookieMutator } from './cookie-mutator.js';
import { KeptConnection, type WireAnswer } from './kept-connection.js';
import { ListedStore } from './listed-store.js';
import { presents } from './loose-header.js';
import { PLANTED, RecordMutator } from './record-mutator.js';
import type { SeededRandom } from './seeded-random.js';

const IDLE = 600;
const SECRET = 'the secret of the road';

@Controller()
class RoadController {
  @Get('read')
  read(@Session() session: Session<{ mark: unknown }>): object {
    return { mark: String(session.mark), keys: Object.keys(session).length, isNew: session.isNew };
  }

  @UseGuards(SessionGuard)
  @Get('guarded')
  guarded(@Session() session: Session<{ mark: unknown }>): object {
    return { mark: String(session.mark) };
  }

  @Post('write')
  write(@Session() session: Session): object {
    session['n'] = 1;
    return {};
  }

  @Post('by-hand')
  byHand(@Session() session: Session, @Res() reply: Reply): void {
    session['n'] = 2;
    const raw = takenOver(reply);
    raw.setHeader('Content-Length', '2');
    raw.end('{}');
  }

  @Post('update')
  update(@Session() session: Session): Promise<unknown> {
    return session.update((data) => void (data['n'] = 3));
  }

  @Post('reload')
  async reload(@Session() session: Session): Promise<object> {
    await session.reload();
    return {};
  }

  @Post('touch')
  touch(@Session() session: Session): object {
    session.touch();
    return {};
  }

  @Post('regenerate')
  async regenerate(@Session() session: Session): Promise<object> {
    await session.regenerate({ keep: true });
    return {};
  }

  @Post('login')
  async login(@Session() session: Session): Promise<object> {
    await session.regenerate();
    session['mark'] = 'mark-of-mallory';
    return {};
  }

  @Post('destroy')
  async destroy(@Session() session: Session): Promise<object> {
    await session.destroy();
    return {};
  }
}

const TARGETS = [
  'GET /read',
  'GET /read',
  'GET /guarded',
  'POST /write',
  'POST /by-hand',
  'POST /update',
  'POST /reload',
  'POST /touch',
  'POST /regenerate',
  'POST /login',
  'POST /destroy',
];

/** What an application may answer to whatever a client sends, while its store is well. */
const FITTING = [200, 201, 401, 409];

/** Without an expiry where the record says so. */
const COOKIE_LINE = /^session=([\w.-]*);(?: Max-Age=\d+;)? Path=\/;(?: Expires=[^;]+;)? HttpOnly; SameSite=Lax$/;

const VICTIM = 'mark-of-victim';

/** How a road is set up. */
export interface RoadSetup {
  readonly name: string;
  readonly platform: Platform;
  /** The address of a Redis; without it records lie in memory. */
  readonly redisUrl?: string;
  readonly session?: SessionModuleOptions;
  readonly isSigned?: boolean;
  readonly hashIds?: boolean;
  readonly serializer?: SessionSerializer;
}

/** Where an outsider puts a record, past the library. */
interface Shelf {
  readonly store: ListedStore | RedisStore;
  plant(key: string, value: Buffer): Promise<void>;
  keys(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** A whole application, over real connections, with a victim who never leaves and an attacker who does as chance will have it. */
export class HttpRoad {
  /** What is being done, to be told when it fails. */
  story = '';
  readonly statuses = new Map<number, number>();
  readonly #setup: RoadSetup;
  readonly #app: SessionApp;
  readonly #shelf: Shelf;
  readonly #prefix: string;
  readonly #signer: HmacSigner | undefined;
  readonly #connection: KeptConnection;
  /** Ids that have left in a Set-Cookie, and those under which a record was planted. */
  readonly #issued = new Set<string>();
  readonly #planted = new Set<string>();
  #warningsSeen = 0;
  #victim = '';
  #mallory = '';

  private constructor(setup: RoadSetup, app: SessionApp, shelf: Shelf, prefix: string) {
    this.#setup = setup;
    this.#app = app;
    this.#shelf = shelf;
    this.#prefix = prefix;
    this.#signer = setup.isSigned === true ? new HmacSigner(SECRET) : undefined;
    this.#connection = new KeptConnection(app.port);
  }

  static async open(setup: RoadSetup): Promise<HttpRoad> {
    const prefix = `fuzz-${process.pid}-${setup.name.replaceAll(/\W/g, '')}:`;
    const shelf = setup.redisUrl === undefined ? memoryShelf() : redisShelf(setup.redisUrl, prefix);
    const app = await SessionApp.start(setup.platform, {
      controllers: [RoadController],
      session: {
        store: shelf.store,
        keyPrefix: prefix,
        idleTimeout: IDLE,
        ...(setup.isSigned === true && { secret: SECRET }),
        ...(setup.serializer && { serializer: setup.serializer }),
        ...setup.session,
      },
    });
    const road = new HttpRoad(setup, app, shelf, prefix);
    road.#victim = await road.#signedIn();
    await road.#remark(road.#victim, VICTIM);
    return road;
  }

  async run(random: SeededRandom): Promise<void> {
    if (this.#mallory === '') this.#mallory = await this.#signedIn();
    const target = random.pick(TARGETS);
    if (random.oneIn(2)) await this.#presentCookies(random, target);
    else await this.#presentRecord(random, target);
  }

  /** When all is done: the victim is still there, and the store holds what was put there and nothing else. */
  async finish(): Promise<void> {
    this.story = 'at the end';
    const { text } = await this.#send('GET /read', `session=${this.#victim}`);
    if (!text.includes(VICTIM)) throw new Error(`The victim was signed out: ${text}`);
    const known = new Set([...this.#planted, ...[...this.#issued].map((id) => this.#keyOf(id))]);
    const stray = (await this.#shelf.keys()).find((key) => !known.has(key));
    if (stray !== undefined) throw new Error(`The store has a key ${JSON.stringify(stray)}.`);
  }

  async close(): Promise<void> {
    this.#connection.close();
    await this.#app.close();
    await this.#shelf.close();
  }

  async #presentCookies(random: SeededRandom, target: string): Promise<void> {
    const values = [this.#mallory, this.#mallory, this.#victim, idOf(this.#victim), this.#sign(random.text(32))];
    const header = new CookieMutator(random).header({ name: 'session', values });
    // The victim's own cookie opens the victim's session, as it should; here it shall live on.
    if (presents(header, this.#victim)) return;
    const known = presents(header, this.#mallory) ? [idOf(this.#mallory)] : [];
    await this.#attack(target, header, known);
    if (known.length > 0) this.#mallory = '';
  }

  async #presentRecord(random: SeededRandom, target: string): Promise<void> {
    const id = random.text(random.pick([16, 32, 128]));
    const bytes = new RecordMutator(random, this.#setup.serializer ?? new TaggedJsonSerializer()).bytes();
    await this.#shelf.plant(this.#keyOf(id), bytes);
    this.#planted.add(this.#keyOf(id));
    await this.#attack(target, `session=${this.#sign(id)}`, [id], bytes);
  }

  async #attack(target: string, header: string, known: readonly string[], planted?: Buffer): Promise<void> {
    const record = planted === undefined ? '' : ` on ${JSON.stringify(planted.toString('latin1'))}`;
    this.story = `${target} with ${JSON.stringify(header)}${record}`;
    const answer = await this.#send(target, header);
    this.statuses.set(answer.status, (this.statuses.get(answer.status) ?? 0) + 1);
    const isNodes = answer.status === (CookieMutator.passesNode(header) ? 431 : 400);
    if (!FITTING.includes(answer.status) && !isNodes) throw new Error(`The answer is ${answer.text}`);
    if (answer.text.includes(VICTIM)) throw new Error(`The victim's session shows: ${answer.text}`);
    if (planted !== undefined && answer.text.includes(PLANTED)) throw new Error(`Data were told: ${answer.text}`);
    for (const line of answer.setCookie) this.#checkLine(line, header, known);
    this.#checkWarnings(header);
  }

  #checkLine(line: string, header: string, known: readonly string[]): void {
    const value = COOKIE_LINE.exec(line)?.[1];
    if (value === undefined) throw new Error(`The cookie line is ${line}`);
    if (value === '') return;
    const id = idOf(value);
    if (known.includes(id)) return;
    if (header.includes(id)) throw new Error(`An id was adopted: ${line}`);
    if (this.#issued.has(id)) throw new Error(`An id was given twice: ${line}`);
    this.#issued.add(id);
  }

  #checkWarnings(header: string): void {
    const lines = this.#app.warnings.slice(this.#warningsSeen);
    this.#warningsSeen += lines.length;
    for (const line of lines) {
      const secrets = [PLANTED, VICTIM, SECRET, this.#victim, idOf(this.#victim)];
      const pieces = header.split(/[;=,\s]+/).filter((piece) => piece.length >= 16);
      const told = [...secrets, ...pieces].find((secret) => line.includes(secret));
      if (told !== undefined) throw new Error(`A warning tells ${told}: ${line}`);
    }
  }

  #send(target: string, header: string): Promise<WireAnswer> {
    const body = target.startsWith('POST') ? 'Content-Length: 0\r\n' : '';
    return this.#connection.exchange(`${target} HTTP/1.1\r\nHost: localhost\r\n${body}Cookie: ${header}\r\n\r\n`);
  }

  async #signedIn(): Promise<string> {
    const { setCookie } = await this.#send('POST /login', '');
    const value = /^session=([^;]+)/.exec(setCookie[0] ?? '')?.[1];
    if (value === undefined) throw new Error('Nobody could sign in.');
    this.#issued.add(idOf(value));
    return value;
  }

  async #remark(value: string, mark: string): Promise<void> {
    const key = this.#keyOf(idOf(value));
    const serializer = this.#setup.serializer ?? new TaggedJsonSerializer();
    const record = serializer.parse((await this.#shelf.store.get(key)) ?? '') as object;
    await this.#shelf.plant(key, Buffer.from(serializer.stringify({ ...record, mark })));
  }

  #sign(id: string): string {
    return this.#signer?.sign(id) ?? id;
  }

  #keyOf(id: string): string {
    const { hashIds = true } = this.#setup;
    return this.#prefix + (hashIds ? createHash('sha256').update(id).digest('base64url') : id);
  }
}

/** The roads that are taken, in turn. */
export function roadSetups(redisUrl: string): readonly RoadSetup[] {
  return [
    { name: 'on Express, signed', platform: 'express', isSigned: true },
    { name: 'on Fastify', platform: 'fastify' },
    { name: 'on Express, with Redis', platform: 'express', redisUrl },
    { name: 'on Fastify, with Redis, signed', platform: 'fastify', redisUrl, isSigned: true },
    {
      name: 'on Express, in the format of node:v8',
      platform: 'express',
      serializer: new V8Serializer(),
      session: { absoluteTimeout: 3600, rolling: 'write' },
    },
    {
      name: 'on Fastify, pinned',
      platform: 'fastify',
      session: { pinning: true, hashIds: false, tombstones: false },
      hashIds: false,
    },
    {
      name: 'on Fastify, beside Python',
      platform: 'fastify',
      redisUrl,
      session: { wire: 'quart' },
      serializer: new TaggedJsonSerializer({ dialect: 'quart' }),
      hashIds: false,
    },
  ];
}

function idOf(value: string): string {
  const end = value.lastIndexOf('.');
  return end === -1 ? value : value.slice(0, end);
}

function memoryShelf(): Shelf {
  const store = new ListedStore(IDLE);
  return {
    store,
    plant: async (key, value) => store.plant(key, value.toString('utf8')),
    keys: async () => store.keys,
    close: async () => {},
  };
}

function redisShelf(url: string, prefix: string): Shelf {
  const client = new Redis(url);
  const keys = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const some of client.scanStream({ match: `${prefix}*`, count: 1000 })) found.push(...(some as string[]));
    return found;
  };
  return {
    store: new RedisStore(client),
    plant: async (key, value) => void (await client.set(key, value, 'EX', IDLE)),
    keys,
    close: async () => void (await client.quit()),
  };
}
