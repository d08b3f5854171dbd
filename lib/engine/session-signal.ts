import { SessionEndedError, type SessionEndReason } from '../session.errors.js';
import type { RecordState } from './record-state.js';
import type { SessionContext } from './session-context.js';
import type { SignalScope } from './signal-scope.js';

/** The session whose end a signal tells. */
export interface SignalledRecord {
  readonly state: RecordState;
  readonly id: string;
  /** When the session ends, in epoch seconds, as far as the request knows. */
  readonly expiresAt: number;
}

/** The signal of one request's session, which is made when something asks for it. */
export class SessionSignal {
  readonly #context: SessionContext;
  readonly #record: SignalledRecord;
  readonly #scope: SignalScope;
  #current: AbortSignal | undefined;
  /** Aborts the signal of a session that nothing else can end: it is not stored, or its response has closed. */
  #own: AbortController | undefined;

  /** @param scope how long it watches. Absent: until the session ends. */
  constructor(context: SessionContext, record: SignalledRecord, scope: SignalScope | undefined) {
    this.#context = context;
    this.#record = record;
    this.#scope = scope ?? { owner: this, isClosed: false, onClose: () => {} };
  }

  /** The signal of the session under its present id. */
  get current(): AbortSignal {
    return (this.#current ??= this.#make());
  }

  /** The new session is stored, so other requests can end it. */
  noteStored(): void {
    if (this.#own === undefined || this.#scope.isClosed) return;
    this.#watch(this.#own);
    this.#own = undefined;
  }

  /** The session has ended, and the next one has a signal of its own. */
  startOver(reason: SessionEndReason): void {
    this.#own?.abort(new SessionEndedError(reason));
    this.#own = undefined;
    this.#current = undefined;
  }

  #make(): AbortSignal {
    const { state } = this.#record;
    if (state === 'retired' || state === 'gone') return AbortSignal.abort(new SessionEndedError(this.#reasonOfGone));
    if (state === 'known' && !this.#scope.isClosed) return this.#watch();
    this.#own = new AbortController();
    return this.#own.signal;
  }

  #watch(controller?: AbortController): AbortSignal {
    const { endings, records } = this.#context;
    const { id, expiresAt } = this.#record;
    return endings.watch(records.keyOf(id), { expiresAt, scope: this.#scope, controller });
  }

  get #reasonOfGone(): SessionEndReason {
    const isExpired = this.#record.state === 'gone' && this.#record.expiresAt <= this.#context.lifetime.now();
    return isExpired ? 'expired' : 'revoked';
  }
}
