import { setTimeout as delay } from 'node:timers/promises';

import { DEADLINE_MS } from '../back-end.js';
import type {
  CommitAnswer,
  DatastoreClient,
  DatastoreRequest,
  EntityKey,
  LookupAnswer,
  Mutation,
} from './datastore-client.js';
import {
  ABORTED,
  ALREADY_EXISTS,
  codeOf,
  FAILED_PRECONDITION,
  INVALID_ARGUMENT,
  isBreak,
  NOT_FOUND,
} from './datastore-errors.js';
import { foundIn, type FoundEntity } from './datastore-record.js';

/** Milliseconds after the store's own deadline, which tells more. The server gives a request up that is later. */
const GRACE_MS = 100;
/** Milliseconds before a write is sent again that met too many others; each attempt may wait twice as long as the last. */
const FIRST_PAUSE_MS = 10;

/** How a command reaches Datastore. */
export interface EntityAccess {
  readonly client: DatastoreClient;
  /** Whether nothing waits for the command any more: it sends nothing else then. */
  readonly isOver: () => boolean;
  /** Called with each answer of the server, an error included. */
  readonly heard: () => void;
}

/** One entity, during one command. */
export class DatastoreEntity {
  readonly key: EntityKey;
  readonly #access: EntityAccess;

  constructor(key: EntityKey, access: EntityAccess) {
    this.key = key;
    this.#access = access;
  }

  /** What is there. Asks once more if the connection may have broken: a short disturbance is no outage. */
  lookup(): Promise<FoundEntity | undefined> {
    return this.#lookup().catch((error: unknown) => {
      if (isBreak(error)) return this.#lookup();
      throw error;
    });
  }

  /**
   * Sends one write. Nothing was changed by one that Datastore aborted because of others: it is sent again.
   * @returns `undefined` when it was carried out; otherwise the reason why nothing was changed. A lookup then tells whether the entity is
   * not as the write demands.
   */
  async commit(mutation: Mutation): Promise<Error | undefined> {
    for (let pause = FIRST_PAUSE_MS; ; pause *= 2) {
      try {
        const { mutationResults } = (await this.#send({
          method: 'commit',
          reqOpts: { mutations: [mutation] },
        })) as CommitAnswer;
        return mutationResults?.[0]?.conflictDetected ? new Error('Datastore has found another version.') : undefined;
      } catch (error) {
        if (isUnmet(mutation, error)) return error as Error;
        if (codeOf(error) !== ABORTED) throw error;
      }
      await delay(pause * Math.random(), undefined, { ref: false });
    }
  }

  async #lookup(): Promise<FoundEntity | undefined> {
    const sentAt = performance.now();
    const answer = (await this.#send({ method: 'lookup', reqOpts: { keys: [this.key] } })) as LookupAnswer;
    // Under load Datastore may put a key off: that is no miss.
    if (!answer.found?.length && !answer.missing?.length) throw new Error('Datastore has put the lookup off.');
    return foundIn(answer, sentAt);
  }

  #send(request: Pick<DatastoreRequest, 'method' | 'reqOpts'>): Promise<unknown> {
    const { client, isOver, heard } = this.#access;
    const gaxOpts = { timeout: DEADLINE_MS + GRACE_MS, retry: null };
    return new Promise((resolve, reject) => {
      if (isOver()) throw new Error('The command is over.');
      client.request_({ client: 'DatastoreClient', gaxOpts, ...request } as DatastoreRequest, (error, answer) => {
        if (isOver()) return reject(error);
        heard();
        if (error) reject(error);
        else resolve(answer);
      });
    });
  }
}

/**
 * What Datastore says when the entity has another version, is not there, or, as after a restore from a backup, has not reached the
 * version yet. Each may have another reason too.
 */
const UNMET: readonly unknown[] = [FAILED_PRECONDITION, NOT_FOUND, INVALID_ARGUMENT];

/** Whether this error may say that the entity is not as the write demands. */
function isUnmet(mutation: Mutation, error: unknown): boolean {
  const code = codeOf(error);
  if ('insert' in mutation) return code === ALREADY_EXISTS;
  return mutation.baseVersion !== undefined && UNMET.includes(code);
}
