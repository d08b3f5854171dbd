import { Inject, Injectable, type MessageEvent } from '@nestjs/common';
import {
  Session,
  SessionEvents,
  untilEnded,
  UserSessions,
  type SessionEndedError,
  type SessionEvent,
} from 'nest-session';
import {
  auditTime,
  catchError,
  concat,
  EMPTY,
  filter,
  from,
  map,
  mergeMap,
  race,
  switchMap,
  take,
  timer,
  type Observable,
} from 'rxjs';

import type { DevicesSession } from './devices-session.js';

/** What a page that is open shows. */
export interface OpenPage {
  /** Whose sessions it shows; absent: those of all users. */
  readonly user?: string | undefined;
  /** Makes what it shows anew. */
  readonly content: () => Promise<object>;
}

/** The events after which a list of sessions looks different. */
const CHANGES: readonly SessionEvent['type'][] = ['created', 'signed-in', 'regenerated', 'ended'];

/** One request makes several events, and one message tells of them all. */
const TOGETHER_MS = 50;

/** How long the event of an ending may take to follow the signal. There is none if another process has ended the session. */
const REASON_MS = 200;

/** Tells pages that are open what happens to sessions. It knows of the requests of this process alone. */
@Injectable()
export class SessionNews {
  constructor(
    @Inject(SessionEvents) private readonly events: SessionEvents,
    @Inject(UserSessions) private readonly userSessions: UserSessions,
  ) {}

  /** The new content of a page whenever it has changed, and at the end why the session of the page is over. */
  async of(session: Session<DevicesSession>, page: OpenPage): Promise<Observable<MessageEvent>> {
    const sessions = await this.userSessions.list(session.user, { current: session });
    const own = sessions.find(({ isCurrent }) => isCurrent)?.handle;
    return concat(this.#changes(page).pipe(untilEnded(session)), this.#ending(own, session.signal));
  }

  #changes({ user, content }: OpenPage): Observable<MessageEvent> {
    return this.events.pipe(
      filter((event) => CHANGES.includes(event.type)),
      filter((event) => user === undefined || ('user' in event && event.user === user)),
      auditTime(TOGETHER_MS),
      // During an outage of the store nothing is told.
      switchMap(() => from(content()).pipe(catchError(() => EMPTY))),
      map((data) => ({ type: 'changed', data })),
    );
  }

  /** Why the session is over: its event knows who has ended it; without one, its signal says as much as it can. */
  #ending(own: string | undefined, signal: AbortSignal): Observable<MessageEvent> {
    const told = this.events.pipe(
      mergeMap((event) => (event.type === 'ended' && event.handle === own ? [event.reason] : [])),
    );
    const fallback = timer(REASON_MS).pipe(map(() => (signal.reason as SessionEndedError).reason));
    return race<string[]>(told, fallback).pipe(
      take(1),
      map((why) => ({ type: 'ended', data: { why } })),
    );
  }
}
