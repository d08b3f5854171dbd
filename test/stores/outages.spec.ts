import { randomUUID } from 'node:crypto';

import { Controller, Get, Param, Post } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Session, type SessionStore } from '../../lib/index.js';
import { backEndsWithServers, openBackEnd, sendsAgain, type BackEnd, type OpenBackEnd } from '../fixtures/back-ends.js';
import type { Client } from '../fixtures/client.js';
import { eventually } from '../fixtures/eventually.js';
import { platforms, type Platform } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import type { Loss, LossOf } from '../fixtures/tcp-proxy.js';
import { TroubledBackEnd } from '../fixtures/troubled-back-end.js';

interface Write {
  readonly before: string | undefined;
  readonly after: string | undefined;
  readonly result: unknown;
  /** @param version of what was there before. */
  send(store: SessionStore, key: string, version: unknown): Promise<unknown>;
}

const writes: Readonly<Record<'set' | 'delete' | 'create' | 'replace', Write>> = {
  set: { before: 'before', after: 'ours', result: undefined, send: (store, key) => store.set(key, 'ours', 60) },
  delete: { before: 'before', after: undefined, result: true, send: (store, key) => store.delete(key) },
  create: { before: undefined, after: 'ours', result: true, send: (store, key) => store.create(key, 'ours', 60) },
  replace: {
    before: 'before',
    after: 'ours',
    result: 'replaced',
    send: (store, key, version) => store.replace(key, 'ours', 60, version),
  },
};

const reads: Readonly<Record<'get' | 'read', (store: SessionStore, key: string) => Promise<string | undefined>>> = {
  get: (store, key) => store.get(key),
  read: async (store, key) => (await store.read(key))?.value,
};

type WriteVerb = keyof typeof writes;
type ReadVerb = keyof typeof reads;
const writeVerbs = Object.keys(writes) as readonly WriteVerb[];
const readVerbs = Object.keys(reads) as readonly ReadVerb[];
const losses: readonly LossOf[] = ['command', 'reply', 'reply by a reset'];
const replyLosses = losses.filter((of) => of !== 'command');
const each = <Verb>(verbs: readonly Verb[], of: readonly LossOf[]): [Verb, LossOf][] =>
  verbs.flatMap((verb) => of.map((loss): [Verb, LossOf] => [verb, loss]));

/** What a verb rejects with when it cannot tell what has become of its command. */
const NOT_CERTAIN = { code: 'SESSION_STORE', statusCode: 503, isRefusal: false };

const newKey = (): string => `outages:${randomUUID()}`;

/** A driver may repeat what is carried out once alone; then the result has to be the true one. */
function expectTruth(outcome: PromiseSettledResult<unknown>, result: unknown): void {
  if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(NOT_CERTAIN);
  else expect(outcome.value).toEqual(result);
}

async function expectServes(store: SessionStore): Promise<void> {
  const key = newKey();
  // While the driver connects again, a command may still fail; the first that succeeds ends that.
  await eventually(() => store.set(key, 'before', 60));
  const stored = await eventually(() => store.read(key));
  expect(stored?.value).toBe('before');
  expect(await eventually(() => store.get(key))).toBe('before');
}

describe.each(backEndsWithServers)('With trouble between it and its server, the store %s', (name) => {
  /** Another process, which has no trouble. */
  let rival: OpenBackEnd;

  beforeAll(async () => {
    rival = await openBackEnd(name);
  });

  afterAll(() => rival.close());

  type Finished = (end: () => Promise<void>) => void;

  async function troubled(onTestFinished: Finished, options?: { isAway: boolean }): Promise<TroubledBackEnd> {
    const backEnd = await TroubledBackEnd.open(name, options);
    onTestFinished(() => backEnd.close());
    if (!options?.isAway) await backEnd.warmUp(newKey());
    return backEnd;
  }

  /** All six verbs at once. */
  async function outcomesOf(store: SessionStore): Promise<PromiseSettledResult<unknown>[]> {
    const key = newKey();
    await rival.store.set(key, 'before', 60);
    const version = (await rival.store.read(key))?.version;
    return Promise.allSettled([
      ...writeVerbs.map((verb) => writes[verb].send(store, key, version)),
      ...readVerbs.map((verb) => reads[verb](store, key)),
    ]);
  }

  interface Sent {
    readonly key: string;
    readonly outcome: PromiseSettledResult<unknown>;
  }

  /** Sends a write whose connection breaks. */
  async function sendThroughLoss(
    backEnd: TroubledBackEnd,
    verb: WriteVerb,
    { of, meanwhile }: { of: LossOf; meanwhile?: (key: string) => Promise<unknown> },
  ): Promise<Sent> {
    const key = newKey();
    const { before, send } = writes[verb];
    if (before !== undefined) await rival.store.set(key, before, 60);
    const stored = before === undefined ? undefined : await eventually(() => backEnd.store.read(key));
    const lost: Loss = { text: key, of, meanwhile: async () => meanwhile?.(key) };
    backEnd.lose(lost);
    const [outcome] = await Promise.allSettled([send(backEnd.store, key, stored?.version)]);
    expect(lost.hasHappened).toBe(true);
    return { key, outcome };
  }

  it.concurrent(
    'is made while its server is away, rejects each command, and serves once it is there',
    async ({ onTestFinished }) => {
      const backEnd = await troubled(onTestFinished, { isAway: true });
      for (const outcome of await outcomesOf(backEnd.store)) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: NOT_CERTAIN });
      }
      await backEnd.recover();
      await expectServes(backEnd.store);
    },
  );

  it.concurrent(
    'rejects each command while its server is gone, and serves once it is back',
    async ({ onTestFinished }) => {
      const backEnd = await troubled(onTestFinished);
      await backEnd.goAway();
      for (const outcome of await outcomesOf(backEnd.store)) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: NOT_CERTAIN });
      }
      await backEnd.recover();
      await expectServes(backEnd.store);
    },
  );

  it.concurrent(
    'rejects each command at its deadline while its server hangs, and serves on new connections',
    async ({ onTestFinished }) => {
      const backEnd = await troubled(onTestFinished);
      backEnd.hang();
      for (const outcome of await outcomesOf(backEnd.store)) {
        const message = expect.stringContaining('did not answer within 1000 ms');
        expect(outcome).toMatchObject({ status: 'rejected', reason: { ...NOT_CERTAIN, message } });
      }
      await backEnd.recover();
      await expectServes(backEnd.store);
    },
  );

  it.concurrent.for(each(writeVerbs, losses))(
    'rejects a %s that loses its %s, and sends it at most once',
    async ([verb, of], { onTestFinished }) => {
      const backEnd = await troubled(onTestFinished);
      const { key, outcome } = await sendThroughLoss(backEnd, verb, { of });
      const { before, after, result } = writes[verb];
      // A driver may repeat what the server carries out once alone; then the result has to be the true one.
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(NOT_CERTAIN);
      else expect(outcome.value).toEqual(result);
      await expectServes(backEnd.store);
      const isThere = outcome.status === 'fulfilled' || of !== 'command' || sendsAgain(name);
      const found = await rival.store.get(key);
      expect(sendsAgain(name) && of === 'command' ? [before, after] : [isThere ? after : before]).toContain(found);
    },
  );

  // What a client sends again may undo what others have done meanwhile; with a replace or a create it cannot.
  const safeVerbs = writeVerbs.filter((verb) => !sendsAgain(name) || verb === 'create' || verb === 'replace');

  it.concurrent.for(each(safeVerbs, replyLosses))(
    'leaves what another process wrote after a %s that lost its %s',
    async ([verb, of], { onTestFinished }) => {
      const backEnd = await troubled(onTestFinished);
      const meanwhile = (key: string): Promise<void> => rival.store.set(key, 'theirs', 60);
      const { key, outcome } = await sendThroughLoss(backEnd, verb, { of, meanwhile });
      expectTruth(outcome, writes[verb].result);
      await expectServes(backEnd.store);
      expect(await rival.store.get(key)).toBe('theirs');
    },
  );

  it.concurrent.for(each(readVerbs, losses))(
    'repeats a %s that loses its %s, or rejects it',
    async ([verb, of], { onTestFinished }) => {
      const backEnd = await troubled(onTestFinished);
      const key = newKey();
      await rival.store.set(key, 'before', 60);
      const loss: Loss = { text: key, of };
      backEnd.lose(loss);
      const [outcome] = await Promise.allSettled([reads[verb](backEnd.store, key)]);
      expect(loss.hasHappened).toBe(true);
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject(NOT_CERTAIN);
      else expect(outcome.value).toBe('before');
      expect(await eventually(() => reads[verb](backEnd.store, key))).toBe('before');
    },
  );
});

@Controller()
class AccountController {
  @Post('sign-in/:user')
  async signIn(@Session() session: Session<{ user: string }>, @Param('user') user: string): Promise<void> {
    await session.regenerate();
    session.user = user;
  }

  @Get('me')
  me(@Session() session: Session<{ user: string }>): object {
    return { user: session.user };
  }

  @Post('sign-out')
  signOut(@Session() session: Session<{ user: string }>): Promise<void> {
    return session.destroy();
  }
}

type Asked = ReturnType<Client['get']>;

function expectOutage(answer: Awaited<Asked>): void {
  expect([answer.status, answer.header('retry-after'), answer.setCookie]).toEqual([503, '1', []]);
}

/** A request again and again, until the back-end is used again. */
async function once(request: () => Asked): Asked {
  for (;;) {
    const answer = await request();
    if (answer.status !== 503) return answer;
    expectOutage(answer);
  }
}

/** An application whose sessions are in a back-end that has trouble. */
class TroubledApp {
  private constructor(
    readonly backEnd: TroubledBackEnd,
    readonly app: SessionApp,
  ) {}

  static async start(platform: Platform, name: BackEnd): Promise<TroubledApp> {
    const backEnd = await TroubledBackEnd.open(name);
    await backEnd.warmUp(newKey());
    const session = { store: backEnd.store };
    return new TroubledApp(backEnd, await SessionApp.start(platform, { session, controllers: [AccountController] }));
  }

  async signedIn(user: string): Promise<Client> {
    const client = this.app.client();
    expect((await once(() => client.post(`/sign-in/${user}`))).status).toBe(201);
    return client;
  }

  async userOf(cookie: string): Promise<unknown> {
    return (await (await once(() => this.app.client().get('/me', { cookie }))).json()).user;
  }

  async close(): Promise<void> {
    await this.app.close();
    await this.backEnd.close();
  }
}

describe.each(backEndsWithServers)('An application whose sessions are in %s,', (name) => {
  const onEach = <Case>(cases: readonly Case[]): [Platform, Case][] =>
    platforms.flatMap((platform) => cases.map((one): [Platform, Case] => [platform, one]));

  it.concurrent.for(onEach(['hangs', 'is gone']))(
    'on %s, answers 503 while its server %s, and knows everybody afterwards',
    async ([platform, trouble], { onTestFinished }) => {
      const troubled = await TroubledApp.start(platform, name);
      onTestFinished(() => troubled.close());
      const user = randomUUID();
      const client = await troubled.signedIn(user);
      const cookie = client.cookieHeader;
      if (trouble === 'hangs') troubled.backEnd.hang();
      else await troubled.backEnd.goAway();
      const signIn = troubled.app.client().post(`/sign-in/${user}`);
      for (const answer of await Promise.all([client.get('/me'), client.post('/sign-out'), signIn])) {
        expectOutage(answer);
      }
      await troubled.backEnd.recover();
      expect(client.cookieHeader).toBe(cookie);
      expect(await troubled.userOf(cookie)).toBe(user);
    },
  );

  it.concurrent.for(onEach(losses))(
    'on %s, does not answer a login with success when its create loses its %s',
    async ([platform, of], { onTestFinished }) => {
      const troubled = await TroubledApp.start(platform, name);
      onTestFinished(() => troubled.close());
      const user = randomUUID();
      const client = troubled.app.client();
      const loss: Loss = { text: user, of };
      troubled.backEnd.lose(loss);
      const answer = await client.post(`/sign-in/${user}`);
      expect(loss.hasHappened).toBe(true);
      // A driver may repeat what the server carries out once alone.
      if (answer.status === 201) expect(await troubled.userOf(client.cookieHeader)).toBe(user);
      else expectOutage(answer);
      expect((await once(() => client.post(`/sign-in/${user}`))).status).toBe(201);
      expect(await troubled.userOf(client.cookieHeader)).toBe(user);
    },
  );

  it.concurrent.for(onEach(losses))(
    'on %s, fails a logout that loses its %s, and the next one is final',
    async ([platform, of], { onTestFinished }) => {
      const troubled = await TroubledApp.start(platform, name);
      onTestFinished(() => troubled.close());
      const user = randomUUID();
      const client = await troubled.signedIn(user);
      const cookie = client.cookieHeader;
      const loss: Loss = { text: 'nest-session tombstone', of };
      troubled.backEnd.lose(loss);
      const answer = await client.post('/sign-out');
      expect(loss.hasHappened).toBe(true);
      if (answer.status === 201) expect(await troubled.userOf(cookie)).toBeUndefined();
      else expectOutage(answer);
      expect([user, undefined]).toContain(await troubled.userOf(cookie));
      expect((await once(() => troubled.app.client().post('/sign-out', { cookie }))).status).toBe(201);
      expect(await troubled.userOf(cookie)).toBeUndefined();
    },
  );
});
