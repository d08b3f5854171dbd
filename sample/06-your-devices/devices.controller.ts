import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Sse, type MessageEvent } from '@nestjs/common';
import { FreshSignIn, Session, untilEnded, UserSessions, type SessionEndedError } from 'nest-session';
import { concat, defer, map, of, type Observable } from 'rxjs';

import { Accounts } from './accounts.js';
import type { DevicesSession } from './devices-session.js';
import { FRESHNESS } from './freshness.js';
import { readableDevice, type ReadableDevice } from './readable-device.js';
import { UserChanges } from './user-changes.js';

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
    @Inject(UserChanges) private readonly changes: UserChanges,
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
  async end(@Session('user') user: string, @Param('handle') handle: string): Promise<object> {
    const ended = await this.userSessions.end(user, handle);
    this.changes.tell(user);
    return { ended };
  }

  @FreshSignIn(FRESHNESS)
  @Post('end-others')
  @HttpCode(200)
  async endOthers(@Session() session: Session<DevicesSession>, @Session('user') user: string): Promise<object> {
    const ended = await this.userSessions.endAll(user, { except: session });
    this.changes.tell(user);
    return { ended };
  }

  @FreshSignIn(FRESHNESS)
  @Post('end-all')
  @HttpCode(200)
  async endAll(@Session() session: Session<DevicesSession>, @Session('user') user: string): Promise<object> {
    const ended = await this.userSessions.endAll(user);
    await session.destroy(); // it has ended with the others; this removes the cookie, too
    this.changes.tell(user);
    return { ended };
  }

  /** An event stream that says when the lists of a page have changed, and at its end why the session is over. */
  @Sse('changes')
  live(@Session() session: Session<DevicesSession>, @Session('user') user: string): Observable<MessageEvent> {
    const showsAll = this.accounts.withId(user)?.isAdministrator;
    const changed = this.changes.of((other) => showsAll === true || other === user);
    const ended = defer(() => of((session.signal.reason as SessionEndedError).reason));
    return concat(
      changed.pipe(
        untilEnded(session),
        map(() => ({ type: 'changed', data: {} })),
      ),
      ended.pipe(map((reason) => ({ type: 'ended', data: { reason } }))),
    );
  }
}
