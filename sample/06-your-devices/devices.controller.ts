import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Sse, type MessageEvent } from '@nestjs/common';
import { FreshSignIn, Session, untilEnded, UserSessions } from 'nest-session';
import { concat, map, type Observable } from 'rxjs';

import { Accounts } from './accounts.js';
import type { DevicesSession } from './devices-session.js';
import { FRESHNESS } from './freshness.js';
import { readableDevice, type ReadableDevice } from './readable-device.js';
import { SessionNews } from './session-news.js';

/** One session of the user, as the page shows it. Its handle names it, and opens nothing. */
interface Device extends ReadableDevice {
  readonly handle: string;
  readonly isCurrent: boolean;
  readonly createdAt: Date;
  readonly seenAt: Date;
  readonly expiresAt: Date;
}

/** The sessions of the user who asks. The id of the user is that of the session, never one that the request names. */
@Controller('api/devices')
export class DevicesController {
  constructor(
    @Inject(Accounts) private readonly accounts: Accounts,
    @Inject(UserSessions) private readonly userSessions: UserSessions,
    @Inject(SessionNews) private readonly news: SessionNews,
  ) {}

  @Get()
  async devices(@Session() session: Session<DevicesSession>): Promise<Device[]> {
    const sessions = await this.userSessions.list(session.user, { current: session });
    return sessions.map(({ device, handle, isCurrent, createdAt, seenAt, expiresAt }) => ({
      ...readableDevice(device),
      handle,
      isCurrent,
      createdAt,
      seenAt,
      expiresAt,
    }));
  }

  @Delete(':handle')
  async end(@Session() session: Session<DevicesSession>, @Param('handle') handle: string): Promise<object> {
    return { ended: await this.userSessions.end(session.user, handle, { current: session }) };
  }

  @FreshSignIn(FRESHNESS)
  @Post('end-others')
  @HttpCode(200)
  async endOthers(@Session() session: Session<DevicesSession>): Promise<object> {
    return { ended: await this.userSessions.endAll(session.user, { except: session }) };
  }

  @FreshSignIn(FRESHNESS)
  @Post('end-all')
  @HttpCode(204)
  async endAll(@Session() session: Session<DevicesSession>): Promise<void> {
    await this.userSessions.endAll(session.user, { except: session });
    await session.destroy(); // the last one, so that its cookie goes, too
  }

  /** An event stream: it says when there is something new to show, and at its end why the session is over. */
  @Sse('news')
  async listen(@Session() session: Session<DevicesSession>): Promise<Observable<MessageEvent>> {
    const { user = '' } = session;
    const sessions = await this.userSessions.list(user, { current: session });
    const own = sessions.find(({ isCurrent }) => isCurrent)?.handle;
    const shown = this.accounts.withId(user)?.isAdministrator === true ? 'everybody' : user;
    return concat(this.news.changes(shown).pipe(untilEnded(session)), this.news.ending(own, session.signal)).pipe(
      map(({ type, ...data }) => ({ type, data })),
    );
  }
}
