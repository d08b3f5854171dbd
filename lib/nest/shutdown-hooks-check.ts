import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

import type { ResolvedOptions } from '../options/resolve-options.js';
import type { SessionLogger } from '../session/session-logger.js';

/** What ends a process: SIGTERM of systemd, Docker and Kubernetes, SIGINT of a terminal and of pm2. */
const SIGNALS: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGINT'];

/** Milliseconds. An application may enable the hooks after it listens, and a short one closes itself. */
const GRACE_MS = 10_000;

/**
 * Warns of a snapshot that a signal would prevent: it ends a process in which nothing listens to it, and Nest does so after
 * `app.enableShutdownHooks()` only. Nest does not tell whether that was called; the listeners of the process do.
 */
export class ShutdownHooksCheck implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #hasSnapshot: boolean;
  readonly #logger: SessionLogger;
  #timer: NodeJS.Timeout | undefined;

  constructor({ store, memory, storeMigration }: ResolvedOptions, logger: SessionLogger) {
    this.#hasSnapshot = [
      { store, memory },
      { store: storeMigration?.store, ...storeMigration?.connections },
    ].some((each) => each.store === 'memory' && each.memory?.snapshot !== undefined);
    this.#logger = logger;
  }

  onApplicationBootstrap(): void {
    if (this.#hasSnapshot) this.#timer = setTimeout(() => this.#check(), GRACE_MS).unref();
  }

  onModuleDestroy(): void {
    clearTimeout(this.#timer);
  }

  #check(): void {
    if (SIGNALS.some((signal) => process.listenerCount(signal) > 0)) return;
    this.#logger.warn(
      '`memory.snapshot` is given, but SIGTERM and SIGINT end this process before it is written, and the sessions with it: call app.enableShutdownHooks() before app.listen().',
    );
  }
}
