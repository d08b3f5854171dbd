import { isMainThread } from 'node:worker_threads';

import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';

import type { ResolvedOptions } from '../options/resolve-options.js';
import { snapshotsOf, type Snapshot } from '../options/snapshots.js';
import type { SessionLogger } from '../session/session-logger.js';

/** With it systemd, Docker and Kubernetes stop a process. Many packages listen to SIGINT alone, and that says nothing of this one. */
const SIGNAL: NodeJS.Signals = 'SIGTERM';

/** Milliseconds. An application may enable the hooks after it listens, and a short one closes itself. */
const GRACE_MS = 10_000;

/**
 * Warns of a snapshot that a signal would prevent: it ends a process in which nothing listens to it, and Nest does so after
 * `app.enableShutdownHooks()` only. Nest does not tell whether that was called; the listeners of the process do.
 */
export class ShutdownHooksCheck implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #snapshots: readonly Snapshot[];
  readonly #logger: SessionLogger;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ResolvedOptions, logger: SessionLogger) {
    this.#snapshots = snapshotsOf(options);
    this.#logger = logger;
  }

  onApplicationBootstrap(): void {
    // In a worker thread no signal has a listener: they go to the main thread, which has to close the application.
    if (this.#snapshots.length > 0 && isMainThread) this.#timer = setTimeout(() => this.#check(), GRACE_MS).unref();
  }

  onModuleDestroy(): void {
    clearTimeout(this.#timer);
  }

  #check(): void {
    if (process.listenerCount(SIGNAL) > 0) return;
    for (const { option } of this.#snapshots) {
      this.#logger.warn(
        `\`${option}\` is given, but ${SIGNAL} ends this process before it is written, and the sessions with it: call app.enableShutdownHooks() before app.listen().`,
      );
    }
  }
}
