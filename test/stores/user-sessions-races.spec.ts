import { randomUUID } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { UserIndex } from '../../lib/engine/user-index.js';
import {
  atOnce,
  backEnds,
  openBackEnd,
  sharedBackEnds,
  type BackEnd,
  type OpenBackEnd,
} from '../fixtures/back-ends.js';
import type { ChildProgram } from '../fixtures/child-program.js';
import type { Client } from '../fixtures/client.js';
import { SessionApp } from '../fixtures/session-app.js';
import { buildUserProgram, SessionProcess } from '../fixtures/session-process.js';
import { UserController, userOptions } from '../fixtures/user-controller.js';

/** How often each race is run. RACE_ROUNDS=20 is what a release has to pass. */
const ROUNDS = Number(process.env.RACE_ROUNDS ?? 1);
const PROCESSES = 4;
/** After which part of the sign-ins `endAll` is called. */
const SIGNED_IN = 0.3;

type Beyond = 'end-oldest' | 'refuse';

const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

let program: ChildProgram;
let processes: SessionProcess[];

beforeAll(async () => {
  program = await buildUserProgram();
  processes = await Promise.all(numbers(PROCESSES).map(() => SessionProcess.start(program)));
});

afterAll(async () => {
  await Promise.all(processes.map((process) => process.stop()));
  await program.remove();
});

/** The sessions of a user on one back-end, through all processes that share it. */
class Users {
  constructor(
    private readonly name: BackEnd,
    private readonly backEnd: OpenBackEnd,
    private readonly apps: ReadonlyMap<Beyond | undefined, SessionApp>,
  ) {}

  static async on(name: BackEnd): Promise<Users> {
    const backEnd = await openBackEnd(name);
    if (name !== 'memory') return new Users(name, backEnd, new Map());
    const { store } = backEnd;
    const apps = new Map<Beyond | undefined, SessionApp>();
    for (const beyond of [undefined, 'end-oldest', 'refuse'] as const) {
      const session = { ...userOptions, store, ...(beyond && { sessionsPerUser: { max: 3, beyond } }) };
      apps.set(beyond, await SessionApp.start('fastify', { session, controllers: [UserController] }));
    }
    return new Users(name, backEnd, apps);
  }

  async close(): Promise<void> {
    await Promise.all([...this.apps.values()].map((app) => app.close()));
    await this.backEnd.close();
  }

  /** A browser at one process after the other. */
  client(request: number, beyond?: Beyond): Client {
    const app = this.apps.get(beyond);
    if (app !== undefined) return app.client();
    const application = beyond === undefined ? this.name : `${this.name} ${beyond}`;
    return processes[request % PROCESSES]!.client(application);
  }

  /** The user that a cookie opens. */
  async userOf(cookie: string): Promise<unknown> {
    const answer = await this.client(0).get('/me', { cookie });
    // An outage is no answer to the question.
    expect(answer.status).toBe(200);
    return (await answer.json<{ user?: unknown }>()).user;
  }

  /** Those of the cookies that work. */
  async working(cookies: readonly string[], user: string): Promise<string[]> {
    const users = await Promise.all(cookies.map((cookie) => this.userOf(cookie)));
    expect(users.filter((found) => found !== user && found !== undefined)).toEqual([]);
    return cookies.filter((_, index) => users[index] === user);
  }

  async list(user: string): Promise<object[]> {
    return (await this.client(1).get(`/list/${user}`)).json<object[]>();
  }

  /** How many entries the list of the user holds in the store, whatever they show. */
  async entries(user: string): Promise<number> {
    const text = await this.backEnd.store.get(`${userOptions.keyPrefix}user=${UserIndex.userOf(user)}`);
    return text === undefined ? 0 : (JSON.parse(text) as { sessions: unknown[] }).sessions.length;
  }

  async endAll(user: string): Promise<void> {
    expect((await this.client(3).post(`/end-all/${user}`)).status).toBe(201);
  }

  /** After everything has ended, nothing works and nothing is left. */
  async expectClean(user: string, cookies: readonly string[]): Promise<void> {
    await this.endAll(user);
    expect(await this.working(cookies, user)).toEqual([]);
    expect([await this.list(user), await this.entries(user)]).toEqual([[], 0]);
  }
}

describe.each(backEnds)('Four processes that share %s', (name) => {
  const signIns = atOnce(name);
  let users: Users;

  beforeAll(async () => {
    users = await Users.on(name);
  });

  afterAll(() => users.close());

  describe.each(numbers(ROUNDS))('in round %i', () => {
    it(`end all of ${signIns} sign-ins that were answered, and no list differs from the sessions`, async () => {
      const user = randomUUID();
      const answered: string[] = [];
      let before: string[] | undefined;
      let ending: Promise<unknown> | undefined;
      const requests = numbers(signIns).map(async (number) => {
        const client = users.client(number);
        const answer = await client.post(`/sign-in/${user}`);
        expect([201, 409]).toContain(answer.status);
        if (answer.status !== 201) return;
        answered.push(client.cookieHeader);
        if (answered.length !== signIns * SIGNED_IN) return;
        before = [...answered];
        ending = users.endAll(user);
      });
      await Promise.all(requests);
      await ending;
      expect(await users.working(before ?? [], user)).toEqual([]);
      const working = await users.working(answered, user);
      expect(await users.list(user)).toHaveLength(working.length);
      await users.expectClean(user, answered);
    });

    it('keep the one session from which all others are ended, while it goes on and others sign in', async () => {
      const user = randomUUID();
      const own = users.client(0);
      await own.post(`/sign-in/${user}`);
      const signedIn = await Promise.all(
        numbers(20).map(async (number) => {
          const client = users.client(number);
          await client.post(`/sign-in/${user}`);
          return client.cookieHeader;
        }),
      );
      const cookies: string[] = [];
      const late = numbers(20).map(async (number) => {
        const client = users.client(number);
        if ((await client.post(`/sign-in/${user}`)).status === 201) cookies.push(client.cookieHeader);
      });
      expect((await own.post('/end-others')).status).toBe(201);
      await Promise.all(late);
      expect(await users.working(signedIn, user)).toEqual([]);
      expect(await users.userOf(own.cookieHeader)).toBe(user);
      const working = await users.working([own.cookieHeader, ...cookies], user);
      expect(await users.list(user)).toHaveLength(working.length);
      await users.expectClean(user, [own.cookieHeader, ...cookies]);
    });

    it('leave no session that gets new ids again and again while all are ended', async () => {
      const user = randomUUID();
      const clients = numbers(8).map((number) => users.client(number));
      await Promise.all(clients.map((client) => client.post(`/sign-in/${user}`)));
      const over = new AbortController();
      const spinning = clients.map(async (client) => {
        const seen: string[] = [];
        while (!over.signal.aborted) {
          seen.push(client.cookieHeader);
          await client.post('/regenerate');
        }
        return [...seen, client.cookieHeader];
      });
      await users.endAll(user);
      over.abort();
      const cookies = (await Promise.all(spinning)).flat();
      expect(await users.working([...new Set(cookies)], user)).toEqual([]);
      expect([await users.list(user), await users.entries(user)]).toEqual([[], 0]);
    });

    it.each(['end-oldest', 'refuse'] as const)('leave exactly three of ten sign-ins at once (%s)', async (beyond) => {
      const user = randomUUID();
      const clients = numbers(10).map((number) => users.client(number, beyond));
      const answers = await Promise.all(clients.map((client) => client.post(`/sign-in/${user}`)));
      const statuses = answers.map(({ status }) => status);
      if (beyond === 'refuse') {
        expect(statuses.toSorted((a, b) => a - b)).toEqual([201, 201, 201, ...numbers(7).map(() => 409)]);
      }
      const cookies = clients.map((client) => client.cookieHeader).filter((cookie) => cookie !== '');
      expect(await users.working(cookies, user)).toHaveLength(3);
      expect([(await users.list(user)).length, await users.entries(user)]).toEqual([3, 3]);
      await users.expectClean(user, cookies);
    });
  });
});

/** Before or after which of its commands a process dies. */
const deaths = numbers(ROUNDS === 1 ? 2 : ROUNDS).map((number) => {
  const commands = ROUNDS === 1 ? 2 + 4 * number : 1 + (number >> 1);
  return [commands, number % 2 === 0 ? 'before' : 'after'] as const;
});

describe.each(sharedBackEnds)('A process on %s that dies', (name) => {
  let users: Users;

  beforeAll(async () => {
    users = await Users.on(name);
  });

  afterAll(() => users.close());

  it.each(numbers(ROUNDS))('in the middle of sign-ins leaves no session out of the list (%i)', async (round) => {
    const user = randomUUID();
    const victim = await SessionProcess.start(program, { only: [name] });
    const cookies: string[] = [];
    let dying: Promise<void> | undefined;
    const requests = numbers(60).map(async (number) => {
      const client = number % 2 === 0 ? victim.client(name) : users.client(number);
      const answer = await client.post(`/sign-in/${user}`).catch(() => undefined);
      if (answer?.status === 201) cookies.push(client.cookieHeader);
      if (cookies.length > 10 + round) dying ??= victim.kill();
    });
    await Promise.all(requests);
    await dying;
    expect(cookies.length).toBeGreaterThan(20);
    expect((await users.working(cookies, user)).length).toBe(cookies.length);
    expect((await users.list(user)).length).toBeGreaterThanOrEqual(cookies.length);
    await users.expectClean(user, cookies);
  });

  it.each(deaths)('at its command %i, %s it, in endAll leaves what the next one ends', async (commands, dies) => {
    const user = randomUUID();
    const victim = await SessionProcess.start(program, { only: [name] });
    const clients = numbers(4).map((number) => users.client(number));
    await Promise.all(clients.map((client) => client.post(`/sign-in/${user}`)));
    const cookies = clients.map((client) => client.cookieHeader);
    await victim.dieAfter(commands, dies);
    await expect(victim.client(name).post(`/end-all/${user}`)).rejects.toThrow();
    await victim.ended();
    const newcomer = users.client(0);
    await newcomer.post(`/sign-in/${user}`);
    expect(await users.userOf(newcomer.cookieHeader)).toBe(user);
    await users.expectClean(user, [...cookies, newcomer.cookieHeader]);
  });

  it.each(deaths.map(([commands, dies]) => [1 + (commands % 3), dies] as const))(
    'at its command %i, %s it, in a sign-in leaves no session that works',
    async (commands, dies) => {
      const user = randomUUID();
      const victim = await SessionProcess.start(program, { only: [name] });
      const other = users.client(0);
      await other.post(`/sign-in/${user}`);
      await victim.dieAfter(commands, dies);
      await expect(victim.client(name).post(`/sign-in/${user}`)).rejects.toThrow();
      await victim.ended();
      expect(await users.working([other.cookieHeader], user)).toHaveLength(1);
      await users.expectClean(user, [other.cookieHeader]);
    },
  );
});
