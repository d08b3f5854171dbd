import { Controller, Get, Inject, Injectable, Param, Post, Res } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Session, SessionService, type LiveSession } from '../../lib/index.js';
import type { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import type { Reply } from '../fixtures/reply.js';
import { SessionApp } from '../fixtures/session-app.js';

type Data = { user: string; items: string[]; mark: string };
type Late = LiveSession<Data>;

/** What the application does with the session after the response. */
const LATE: Readonly<Record<string, (session: Late) => unknown>> = {
  assign: (session) => (session.mark = 'late'),
  delete: (session) => delete session.user,
  push: (session) => session.items?.push('late'),
  'assign and save': (session) => {
    session.mark = 'late';
    return session.save();
  },
  'push and save': (session) => {
    session.items?.push('late');
    return session.save();
  },
  update: (session) => session.update((data) => (data.mark = 'late')),
  read: (session) => [session.user, session.items?.length, { ...session }],
  destroy: (session) => session.destroy(),
};

const turn = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve));

/** Does its work once the response of the request has been sent, and tells when it is done. */
@Injectable()
class AfterwardsService {
  #done: Promise<unknown> = Promise.resolve();

  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  /** @param response Node's own. */
  whenSent(response: NodeJS.EventEmitter, work: string): void {
    this.#done = new Promise((resolve, reject) => {
      response.once('finish', () => {
        setTimeout(() => void this.#work(work).then(resolve, reject), 1);
      });
    });
  }

  /** When the work is done, and a warning has had time to come. */
  async done(): Promise<void> {
    await this.#done;
    await turn();
    await turn();
  }

  async #work(work: string): Promise<void> {
    await LATE[work]?.(await this.sessions.current<Data>());
  }
}

@Controller()
class LateController {
  constructor(@Inject(AfterwardsService) private readonly afterwards: AfterwardsService) {}

  @Post('login')
  login(@Session() session: Late): void {
    Object.assign(session, { user: 'ada', items: ['book'], mark: 'early' });
  }

  @Get('session')
  session(@Session() session: Late): object {
    return { ...session };
  }

  @Get('opened/:work')
  opened(
    @Session() session: Late,
    @Param('work') work: string,
    @Res({ passthrough: true }) reply: Reply,
  ): string | undefined {
    this.afterwards.whenSent(reply.raw ?? reply, work);
    return session.user;
  }

  @Get('not-opened/:work')
  notOpened(@Param('work') work: string, @Res({ passthrough: true }) reply: Reply): string {
    this.afterwards.whenSent(reply.raw ?? reply, work);
    return '';
  }

  @Get('sent')
  sent(@Session() session: Late, @Res() reply: Reply): void {
    reply.send('sent');
    session.mark = 'late';
  }
}

const warningOf = (route: string): string =>
  `The session of GET ${route} was changed after its response was sent, which saves nothing: change it before, or call session.save() after the change, which cannot store a new session then.`;

const STORED = { user: 'ada', items: ['book'], mark: 'early' };

describe.each(platforms)('a session after its response on %s', (platform) => {
  let app: SessionApp;
  let client: Client;

  beforeEach(async () => {
    app = await SessionApp.start(platform, {
      session: { context: true },
      controllers: [LateController],
      providers: [AfterwardsService],
    });
    client = app.client();
    await client.post('/login');
  });

  afterEach(() => app.close());

  async function afterwards(path: string, who = client): Promise<string[]> {
    await (await who.get(path)).text();
    await app.app.get(AfterwardsService).done();
    return app.warnings as string[];
  }

  it.each(['assign', 'delete', 'push'])('%s is not saved, and a warning names the route', async (work) => {
    for (const where of ['opened', 'not-opened']) {
      const warnings = await afterwards(`/${where}/${encodeURIComponent(work)}`);
      expect(warnings.splice(0)).toEqual([warningOf(`/${where}/:work`)]);
    }
    expect(await (await client.get('/session')).json()).toEqual(STORED);
  });

  it.each([
    ['assign and save', { ...STORED, mark: 'late' }],
    ['push and save', { ...STORED, items: ['book', 'late'] }],
    ['update', { ...STORED, mark: 'late' }],
    ['read', STORED],
    ['destroy', {}],
  ])('%s works, without a warning', async (work, stored) => {
    for (const where of ['opened', 'not-opened']) {
      await client.post('/login');
      expect(await afterwards(`/${where}/${encodeURIComponent(work)}`)).toEqual([]);
      expect(await (await client.get('/session')).json()).toEqual(stored);
    }
  });

  it('cannot be started, and a warning says so', async () => {
    for (const where of ['opened', 'not-opened']) {
      const warnings = await afterwards(`/${where}/assign`, app.client());
      expect(warnings.splice(0)).toEqual([warningOf(`/${where}/:work`)]);
    }
  });

  it('is not saved where the handler changes it after it has sent the response itself', async () => {
    expect(await (await client.get('/sent')).text()).toBe('sent');
    await turn();
    await turn();
    expect(app.warnings).toEqual([warningOf('/sent')]);
    expect(await (await client.get('/session')).json()).toEqual(STORED);
  });
});
