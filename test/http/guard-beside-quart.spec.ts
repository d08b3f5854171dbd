import { Controller, Get, Injectable, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { MemoryStore, Session, SessionGuard, SessionService } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';

const ID = 'b8ebbf02-cc7a-4b0b-824f-22a984c8c0b8';

/** As an application may have it that counts visits, before anybody signs in. */
@Injectable()
class CountingGuard implements CanActivate {
  constructor(private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await this.sessions.open<{ visits: number }>(context);
    session.visits = (session.visits ?? 0) + 1;
    return true;
  }
}

/** As Passport has it, which saves what it writes. */
@Injectable()
class SigningInGuard implements CanActivate {
  constructor(private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const session = await this.sessions.open<{ user: string }>(context);
    await session.regenerate({ keep: true });
    session.user = 'ada';
    await session.save();
    return true;
  }
}

@Controller()
class VisitController {
  @Get('guarded')
  @UseGuards(SessionGuard)
  guarded(): string {
    return 'in';
  }

  @Get('counted')
  @UseGuards(CountingGuard, SessionGuard)
  counted(): string {
    return 'in';
  }

  @Get('signed-in')
  @UseGuards(SigningInGuard, SessionGuard)
  signedIn(): string {
    return 'in';
  }

  @Get('is-new')
  isNew(@Session() session: Session): object {
    return { isNew: session.isNew };
  }
}

describe.each(platforms)('SessionGuard beside Quart-Session on %s', (platform) => {
  const store = new MemoryStore();
  let app: SessionApp;

  beforeAll(async () => {
    const session = { wire: 'quart' as const, store, pinning: true };
    app = await SessionApp.start(platform, {
      session,
      controllers: [VisitController],
      providers: [CountingGuard, SigningInGuard],
    });
  });

  afterAll(() => app?.close());

  const status = async (path: string, record: object): Promise<number> => {
    await store.set(`session:${ID}`, JSON.stringify({ _permanent: true, _addr: '127.0.0.1', ...record }), 60);
    return (await app.client().get(path, { cookie: `session=${ID}` })).status;
  };

  it('refuses a session that holds nothing but what Quart-Session writes by itself', async () => {
    expect(await status('/guarded', {})).toBe(401);
    const answer = await app.client().get('/is-new', { cookie: `session=${ID}` });
    expect(await answer.json()).toEqual({ isNew: false });
  });

  it('lets one pass that holds data, also such as are not shown here', async () => {
    expect(await status('/guarded', { user: 'ada' })).toBe(200);
    expect(await status('/guarded', { id: 1 })).toBe(200);
  });

  it('takes no notice of what the request itself has written, unless it is saved', async () => {
    expect(await status('/counted', {})).toBe(401);
    expect(await status('/counted', { user: 'ada' })).toBe(200);
    expect(await status('/signed-in', {})).toBe(200);
  });
});
