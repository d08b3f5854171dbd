import { Agent, request as send } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';

import { Body, Controller, Get, Inject, Injectable, Module, Param, Post, type INestApplication } from '@nestjs/common';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { afterEach, describe, expect, it } from 'vitest';

import { getSessionServiceToken, SessionModule, SessionService, type LiveSession } from '../../lib/index.js';
import { Client } from '../fixtures/client.js';
import { createOn, platforms, type Platform } from '../fixtures/platforms.js';

type Data = { user: string } & Record<string, string>;

@Injectable()
class AccountService {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  current(): Promise<LiveSession<Data>> {
    return this.sessions.current<Data>();
  }

  async user(): Promise<string> {
    return (await this.current()).user ?? 'nobody';
  }
}

interface Task {
  readonly number: number;
  /** Milliseconds, or none for the next turn of the loop. */
  readonly pauses: readonly number[];
}

@Controller()
class AccountController {
  constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

  @Post('login/:user')
  async login(@Param('user') user: string): Promise<void> {
    (await this.accounts.current()).user = user;
  }

  @Get('user')
  async user(): Promise<object> {
    return { user: await this.accounts.user() };
  }

  /** Asks before and after each pause, and writes. */
  @Post('task')
  async task(@Body() { number, pauses }: Task): Promise<object> {
    const users: string[] = [];
    for (const pause of pauses) {
      users.push(await this.accounts.user());
      await (pause === 0 ? new Promise((resolve) => void setImmediate(resolve)) : wait(pause));
      (await this.accounts.current())[`task-${number}`] = users.at(-1);
    }
    return { number, users };
  }

  @Get('all')
  async all(): Promise<object> {
    return { ...(await this.accounts.current()) };
  }
}

const opened: INestApplication[] = [];

afterEach(async () => {
  for (const app of opened.splice(0).toReversed()) await app.close();
});

type Imports = NonNullable<Parameters<typeof Module>[0]['imports']>;

async function appOf(
  platform: Platform,
  imports: Imports,
  parts: Parameters<typeof Module>[0] = { controllers: [AccountController], providers: [AccountService] },
): Promise<INestApplication> {
  class AppModule {}
  Module({ ...parts, imports })(AppModule);
  const app = await createOn(platform, AppModule, { logger: false, abortOnError: false });
  opened.push(app);
  return app;
}

async function listening(app: INestApplication): Promise<Client> {
  await app.listen(0, '127.0.0.1');
  return new Client(portOf(app));
}

function portOf(app: INestApplication): number {
  return (app.getHttpServer().address() as { port: number }).port;
}

/** Posts JSON on one of the agent's connections, in two parts. */
function post(agent: Agent, { port, cookie, task }: { port: number; cookie: string; task: Task }): Promise<string> {
  const text = JSON.stringify(task);
  return new Promise((resolve, reject) => {
    const headers = { cookie, 'content-type': 'application/json', 'content-length': text.length };
    const outgoing = send({ host: '127.0.0.1', port, agent, method: 'POST', path: '/task', headers }, (response) => {
      let seen = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (seen += chunk));
      response.on('end', () => resolve(seen)).on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.write(text.slice(0, 9));
    setImmediate(() => outgoing.end(text.slice(9)));
  });
}

const USERS = 50;
const TASKS = 20;

describe.each(platforms)('the current session on %s', (platform) => {
  it('is that of each of 1,000 interleaved requests, which share connections', async () => {
    const app = await appOf(platform, [SessionModule.forRoot({ context: true })]);
    await listening(app);
    const port = portOf(app);
    const clients = Array.from({ length: USERS }, () => new Client(port));
    await Promise.all(clients.map((client, user) => client.post(`/login/user-${user}`)));
    const agent = new Agent({ keepAlive: true, maxSockets: 100 });
    const answers = await Promise.all(
      Array.from({ length: TASKS * USERS }, async (_, number) => {
        const user = number % USERS;
        const pauses = [number % 7, 0, (number * 13) % 11, (number * 5) % 3];
        const cookie = clients[user]?.cookieHeader ?? '';
        const answer = await post(agent, { port, cookie, task: { number, pauses } });
        return [`user-${user}`, JSON.parse(answer) as { number: number; users: string[] }] as const;
      }),
    );
    agent.destroy();
    const mixedUp = answers.filter(([user, { users }]) => users.length !== 4 || users.some((found) => found !== user));
    expect(mixedUp).toEqual([]);
    expect(answers.map(([, { number }]) => number)).toEqual(Array.from({ length: TASKS * USERS }, (_, at) => at));
    for (const [user, client] of clients.entries()) {
      const { user: name, ...tasks } = await (await client.get('/all')).json<Record<string, string>>();
      expect([name, Object.keys(tasks).length, new Set(Object.values(tasks))]).toEqual([
        `user-${user}`,
        TASKS,
        new Set([`user-${user}`]),
      ]);
    }
  }, 60_000);

  it('is that of the module whose service is asked', async () => {
    @Controller()
    class BothController {
      constructor(
        @Inject(SessionService) private readonly shop: SessionService,
        @Inject(getSessionServiceToken('admin')) private readonly admin: SessionService,
      ) {}

      @Post('login')
      async login(): Promise<void> {
        (await this.shop.current<Data>()).user = 'customer';
        (await this.admin.current<Data>()).user = 'administrator';
      }

      @Get('users')
      async users(): Promise<object> {
        const [shop, admin] = await Promise.all([this.shop.current<Data>(), this.admin.current<Data>()]);
        return [shop.user, admin.user, Object.is(shop, admin)];
      }
    }
    const kinds = [{ context: true }, { name: 'admin', context: true }];
    const imports = kinds.map((options) => SessionModule.forRoot(options));
    const client = await listening(await appOf(platform, imports, { controllers: [BothController] }));
    const answer = await client.post('/login');
    expect(answer.setCookie.map((line) => line.replace(/=.*/, '')).toSorted()).toEqual(['admin-session', 'session']);
    expect(await (await client.get('/users')).json()).toEqual(['customer', 'administrator', false]);
  });

  it('needs the option of the very module whose service is asked', async () => {
    const imports = [SessionModule.forRoot(), SessionModule.forRoot({ name: 'admin', context: true })];
    const client = await listening(await appOf(platform, imports));
    expect((await client.get('/user')).status).toBe(500);
  });

  it('is none for a service of another application that a handler calls', async () => {
    const other = await appOf(platform, [SessionModule.forRoot({ context: true })]);
    await other.init();
    const theirs = other.get(AccountService);
    @Controller()
    class CallingController {
      @Get('call')
      async call(): Promise<object> {
        return { theirs: await theirs.user().catch(String) };
      }
    }
    const controllers = [CallingController, AccountController];
    const app = await appOf(platform, [SessionModule.forRoot({ context: true })], {
      controllers,
      providers: [AccountService],
    });
    const client = await listening(app);
    await client.post('/login/ada');
    expect(await (await client.get('/call')).json()).toEqual({
      theirs: expect.stringContaining('was called outside any request') as string,
    });
    expect(await (await client.get('/user')).json()).toEqual({ user: 'ada' });
  });

  it('is that of the outer request again after a request within it', async () => {
    const given: { inner?: Client } = {};
    @Controller()
    class OuterController {
      constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

      @Get('outer')
      async outer(): Promise<object> {
        const before = await this.accounts.user();
        const answer = await given.inner?.get('/user');
        return [before, (await answer?.json())?.user, await this.accounts.user()];
      }
    }
    const app = await appOf(platform, [SessionModule.forRoot({ context: true })], {
      controllers: [OuterController, AccountController],
      providers: [AccountService],
    });
    const client = await listening(app);
    const inner = (given.inner = new Client(portOf(app)));
    await client.post('/login/ada');
    await inner.post('/login/eve');
    expect(await (await client.get('/outer')).json()).toEqual(['ada', 'eve', 'ada']);
  });
});

describe('the current session of applications in one another', () => {
  it('is that of the injected request on fastify, and then that of the outer one again', async () => {
    const outer: { app?: INestApplication; accounts?: AccountService; cookie?: string } = {};
    @Controller()
    class InjectingController {
      constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

      @Get('inject')
      async inject(): Promise<object> {
        const adapter = outer.app?.getHttpAdapter() as FastifyAdapter;
        const before = await this.accounts.user();
        const headers = { cookie: outer.cookie ?? '' };
        const within = await adapter.inject({ method: 'GET', url: '/user', headers });
        return [before, within.json<{ user: string }>().user, await this.accounts.user()];
      }
    }
    outer.app = await appOf('fastify', [SessionModule.forRoot({ context: true })], {
      controllers: [InjectingController, AccountController],
      providers: [AccountService],
    });
    const client = await listening(outer.app);
    const other = new Client(portOf(outer.app));
    await client.post('/login/ada');
    await other.post('/login/eve');
    outer.cookie = other.cookieHeader;
    expect(await (await client.get('/inject')).json()).toEqual(['ada', 'eve', 'ada']);
  });

  it('is one for each of two applications, the inner one mounted on express', async () => {
    const given: { outer?: AccountService } = {};
    @Controller()
    class InnerController {
      constructor(@Inject(AccountService) private readonly accounts: AccountService) {}

      @Post('login')
      async login(): Promise<void> {
        (await this.accounts.current()).user = 'inner';
      }

      @Get('users')
      async users(): Promise<object> {
        return { inner: await this.accounts.user(), outer: await given.outer?.user() };
      }
    }
    const inner = await appOf('express', [SessionModule.forRoot({ context: true, cookie: { name: 'inner' } })], {
      controllers: [InnerController],
      providers: [AccountService],
    });
    await inner.init();
    const outer = await appOf('express', [SessionModule.forRoot({ context: true, cookie: { name: 'outer' } })]);
    given.outer = outer.get(AccountService);
    outer.use('/inner', inner.getHttpAdapter().getInstance() as never);
    const client = await listening(outer);
    await client.post('/login/outer');
    await client.post('/inner/login');
    expect(await (await client.get('/inner/users')).json()).toEqual({ inner: 'inner', outer: 'outer' });
    expect(await (await client.get('/user')).json()).toEqual({ user: 'outer' });
  });
});
