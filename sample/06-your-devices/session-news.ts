import { Inject, Injectable } from '@nestjs/common';
import { SessionEvents, type SessionEndedError, type SessionEvent } from 'nest-session';
import { auditTime, filter, map, mergeMap, race, take, timer, type Observable } from 'rxjs';

/** What a page is told. */
interface News {
  readonly type: 'changed' | 'ended';
  readonly why?: string;
}

/** The events after which a list of sessions looks different. */
const CHANGES: readonly SessionEvent['type'][] = ['created', 'signed-in', 'regenerated', 'ended'];

/** One request makes several events, and one message tells of them all. */
const TOGETHER_MS = 50;

/** How long the event of an ending may take to follow the signal. There is none if another process has ended the session. */
const REASON_MS = 200;

/** Tells the pages that are open what happens to sessions. It knows of the requests of this process alone. */
@Injectable()
export class SessionNews {
  constructor(@Inject(SessionEvents) private readonly events: SessionEvents) {}

  /** @param user whose list the page shows. */
  changes(user: string): Observable<News> {
    return this.events.pipe(
      filter((event) => CHANGES.includes(event.type)),
      filter((event) => user === 'everybody' || ('user' in event && event.user === user)),
      auditTime(TOGETHER_MS),
      map(() => ({ type: 'changed' })),
    );
  }

  /**
   * Says why a session is over: as its event says, which knows who has ended it, or as its signal does.
   * @param signal that of the session, which has aborted by the time when this is subscribed to.
   */
  ending(handle: string | undefined, signal: AbortSignal): Observable<News> {
    const event = this.events.pipe(
      mergeMap((event) => (event.type === 'ended' && event.handle === handle ? [event.reason] : [])),
    );
    const fallback = timer(REASON_MS).pipe(map(() => (signal.reason as SessionEndedError).reason));
    return race<string[]>(event, fallback).pipe(
      take(1),
      map((why) => ({ type: 'ended', why })),
    );
  }
}
