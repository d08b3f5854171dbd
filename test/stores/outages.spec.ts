import { randomUUID } from 'node:crypto';

import { Controller, Get, Param, Post } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { Session, type SessionStore } from '../../lib/index.js';
import { failureReason } from '../../lib/stores/failure-reason.js';
import { backEndsWithServers, openBackEnd, resends, type BackEnd, type OpenBackEnd } from '../fixtures/back-ends.js';
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

/** What a verb rejects with when it cannot tell what has become of its command. */
const NOT_CERTAIN = { code: 'SESSION_STORE', statusCode: 503, isRefusal: false };

type Finished = (end: () => Promise<void>) => void;

/** Each test waits for many deadlines, and tests of other files may slow it down. */
const PATIENT = { timeout: 60_000 };

const newKey = (): string => `outages:${randomUUID()}`;

/** @param isRepeated whether the command was sent again; then it may have succeeded. */
function expectFailed(outcome: PromiseSettledResult<unknown>, isRepeated: boolean, result: unknown): void {
  if (outcome.status === 'fulfilled' && isRepeated) expect(outcome.value).toEqual(result);
  else expect(outcome).toMatchObject({ status: 'rejected', reason: NOT_CERTAIN });
}

async function expectServes(store: SessionStore): Promise<void> {
  const key = newKey();
  // While the driver connects again, a command may still fail; the first that succeeds ends that.
  await eventually(() => store.set(key, 'before', 60));
  const stored = await eventually(() => store.read(key));
  expect(stored?.value).toBe('before');
  expect(await eventually(() => store.get(key))).toBe('before');
}

describe.each(backEndsWithServers)('With trouble between it and its server, the store %s', PATIENT, (name) => {
  const isRepeated = resends(name) !== undefined;
  const isBlind = resends(name) === 'blindly';
  /** Another process, which has no trouble. */
  let rival: OpenBackEnd;

  beforeAll(async () => {
    rival = await openBackEnd(name);
  });

  afterAll(() => rival.close());

  async function troubled(onTestFinished: Finished, options?: { isAway: boolean }): Promise<TroubledBackEnd> {
    const backEnd = await TroubledBackEnd.open(name, options);
    onTestFinished(() => backEnd.close());
    if (!options?.isAway) await backEnd.warmUp();
    return backEnd;
  }

  /** All six verbs at once. */
  async function outcomesOf(store: SessionStore): Promise<PromiseSettledResult<unknown>[]> {
    const key = newKey();
    await eventually(() => rival.store.set(key, 'before', 60));
    const version = (await eventually(() => rival.store.read(key)))?.version;
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
    if (before !== undefined) await eventually(() => rival.store.set(key, before, 60));
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
    'rejects each command at its deadline while its server hangs, and serves again afterwards',
    async ({ onTestFinished }) => {
      const backEnd = await troubled(onTestFinished);
      backEnd.hang();
      for (const outcome of await outcomesOf(backEnd.store)) {
        const message = expect.stringContaining('did not answer within 1000 ms');
        expect(outcome).toMatchObject({ status: 'rejected', reason: { ...NOT_CERTAIN, message, isTimeout: true } });
        expect(failureReason((outcome as PromiseRejectedResult).reason)).toBe('timeout');
      }
      await backEnd.recover();
      await expectServes(backEnd.store);
    },
  );

  it.concurrent.for(writeVerbs)(
    'rejects a %s that loses its command or its reply, and sends it at most once',
    async (verb, { onTestFinished }) => {
      const { before, after, result } = writes[verb];
      const backEnd = await troubled(onTestFinished);
      for (const of of losses) {
        const { key, outcome } = await sendThroughLoss(backEnd, verb, { of });
        expectFailed(outcome, isRepeated, result);
        await expectServes(backEnd.store);
        const found = await eventually(() => rival.store.get(key));
        const known = outcome.status === 'rejected' && of === 'command' ? before : after;
        // What is sent again may arrive after the deadline, or not at all.
        const isOpen = outcome.status === 'rejected' && isRepeated;
        expect(isOpen ? [before, after] : [known]).toContain(found);
      }
    },
  );

  // What a client sends again may undo what others have done meanwhile; with a replace or a create it cannot.
  const safeVerbs = writeVerbs.filter((verb) => !isBlind || verb === 'create' || verb === 'replace');

  it.concurrent.for(safeVerbs)(
    'leaves what another process wrote after a %s that lost its reply',
    async (verb, { onTestFinished }) => {
      const backEnd = await troubled(onTestFinished);
      const meanwhile = (key: string): Promise<void> => eventually(() => rival.store.set(key, 'theirs', 60));
      for (const of of losses.filter((loss) => loss !== 'command')) {
        const { key, outcome } = await sendThroughLoss(backEnd, verb, { of, meanwhile });
        const { result, after } = writes[verb];
        expectFailed(outcome, isRepeated, result);
        await expectServes(backEnd.store);
        // What is sent again may come after the write of the other process.
        const possible = isRepeated && !isBlind ? ['theirs', after] : ['theirs'];
        expect(possible).toContain(await eventually(() => rival.store.get(key)));
      }
    },
  );

  it.concurrent.for(readVerbs)(
    'repeats a %s that loses its command or its reply, or rejects it',
    async (verb, { onTestFinished }) => {
      const backEnd = await troubled(onTestFinished);
      for (const of of losses) {
        const key = newKey();
        await eventually(() => rival.store.set(key, 'before', 60));
        const loss: Loss = { text: key, of };
        backEnd.lose(loss);
        const [outcome] = await Promise.allSettled([reads[verb](backEnd.store, key)]);
        expect(loss.hasHappened).toBe(true);
        expectFailed(outcome, true, 'before');
        expect(await eventually(() => reads[verb](backEnd.store, key))).toBe('before');
      }
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

interface TroubledApp {
  readonly app: SessionApp;
  readonly backEnd: TroubledBackEnd;
  signedIn(user: string): Promise<Client>;
  userOf(cookie: string): Promise<unknown>;
}

/** An application whose back-end has trouble. */
async function troubledApp(platform: Platform, name: BackEnd, onTestFinished: Finished): Promise<TroubledApp> {
  const backEnd = await TroubledBackEnd.open(name);
  onTestFinished(() => backEnd.close());
  await backEnd.warmUp();
  const app = await SessionApp.start(platform, {
    session: { store: backEnd.store },
    controllers: [AccountController],
  });
  onTestFinished(() => app.close());
  return {
    app,
    backEnd,
    signedIn: async (user) => {
      const client = app.client();
      expect((await once(() => client.post(`/sign-in/${user}`))).status).toBe(201);
      return client;
    },
    userOf: async (cookie) => (await (await once(() => app.client().get('/me', { cookie }))).json()).user,
  };
}

describe.each(backEndsWithServers)('An application whose sessions are in %s,', PATIENT, (name) => {
  const isRepeated = resends(name) !== undefined;

  it.concurrent.for(platforms)(
    'on %s, answers 503 while its server is in trouble, and knows everybody afterwards',
    async (platform, { onTestFinished }) => {
      const { app, backEnd, signedIn, userOf } = await troubledApp(platform, name, onTestFinished);
      const user = randomUUID();
      const client = await signedIn(user);
      const cookie = client.cookieHeader;
      for (const trouble of ['hang', 'goAway'] as const) {
        await backEnd[trouble]();
        const signIn = app.client().post(`/sign-in/${user}`);
        for (const answer of await Promise.all([client.get('/me'), client.post('/sign-out'), signIn])) {
          expectOutage(answer);
        }
        await backEnd.recover();
        expect(client.cookieHeader).toBe(cookie);
        expect(await userOf(cookie)).toBe(user);
      }
    },
  );

  it.concurrent.for(platforms)(
    'on %s, does not answer a login with success that may be lost',
    async (platform, { onTestFinished }) => {
      const { app, backEnd, userOf } = await troubledApp(platform, name, onTestFinished);
      for (const of of losses) {
        const user = randomUUID();
        const client = app.client();
        const loss: Loss = { text: user, of };
        backEnd.lose(loss);
        const answer = await client.post(`/sign-in/${user}`);
        expect(loss.hasHappened).toBe(true);
        // A driver may repeat what is carried out once alone.
        if (answer.status === 201) expect(await userOf(client.cookieHeader)).toBe(user);
        else expectOutage(answer);
        expect((await once(() => client.post(`/sign-in/${user}`))).status).toBe(201);
        expect(await userOf(client.cookieHeader)).toBe(user);
      }
    },
  );

  it.concurrent.for(platforms)(
    'on %s, fails a logout that may be lost, and the next one is final',
    async (platform, { onTestFinished }) => {
      const { app, backEnd, signedIn, userOf } = await troubledApp(platform, name, onTestFinished);
      for (const of of losses) {
        const user = randomUUID();
        const client = await signedIn(user);
        const cookie = client.cookieHeader;
        const loss: Loss = { text: 'nest-session tombstone', of };
        backEnd.lose(loss);
        const answer = await client.post('/sign-out');
        expect(loss.hasHappened).toBe(true);
        if (answer.status === 201 && isRepeated) expect(await userOf(cookie)).toBeUndefined();
        else expectOutage(answer);
        expect([user, undefined]).toContain(await userOf(cookie));
        expect((await once(() => app.client().post('/sign-out', { cookie }))).status).toBe(201);
        expect(await userOf(cookie)).toBeUndefined();
      }
    },
  );
});
