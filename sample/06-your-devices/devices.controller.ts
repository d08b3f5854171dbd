import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Sse, type MessageEvent } from '@nestjs/common';
import { FreshSignIn, Session, untilEnded, UserSessions, type SessionEndedError } from 'nest-session';
import { concat, defer, NEVER, of, type Observable } from 'rxjs';

import type { DevicesSession } from './devices-session.js';
import { FRESHNESS } from './freshness.js';
import { readableDevice, type ReadableDevice } from './readable-device.js';

/** One session of the user, as the page shows it. Its handle names it, and opens nothing. */
interface Device extends ReadableDevice {
  readonly handle: string;
  readonly isCurrent: boolean;
  readonly createdAt: Date;
  readonly seenAt: Date;
  readonly expiresAt: Date;
}

/** The sessions of whom asks, and of nobody else: the id of the user is that of the session, never one of the request. */
@Controller('api/devices')
export class DevicesController {
  constructor(@Inject(UserSessions) private readonly userSessions: UserSessions) {}

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
    return { ended: await this.userSessions.end(session.user, handle) };
  }

  @FreshSignIn(FRESHNESS)
  @Post('end-others')
  @HttpCode(200)
  async endOthers(@Session() session: Session<DevicesSession>): Promise<object> {
    return { ended: await this.userSessions.endAll(session.user, { except: session }) };
  }

  @FreshSignIn(FRESHNESS)
  @Post('end-all')
  @HttpCode(200)
  async endAll(@Session() session: Session<DevicesSession>): Promise<object> {
    return { ended: await this.userSessions.endAll(session.user) };
  }

  /** An event stream that says at its end why the session is over. */
  @Sse('ending')
  ending(@Session() session: Session<DevicesSession>): Observable<MessageEvent> {
    const ended = defer(() =>
      of({ type: 'ended', data: { reason: (session.signal.reason as SessionEndedError).reason } }),
    );
    return concat(NEVER.pipe(untilEnded(session)), ended);
  }
}
