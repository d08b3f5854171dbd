import type { OnApplicationBootstrap } from '@nestjs/common';

import type { SessionEngine } from '../engine/session-engine.js';

/**
 * Sends one read to the store as the application starts, so that the log tells at once if the back-end is down, and why. The start does
 * not wait for it.
 */
export class StartUpProbe implements OnApplicationBootstrap {
  readonly #engine: SessionEngine;
  readonly #hasBackEnd: boolean;

  /** @param hasBackEnd whether there is a back-end that may be down, as far as is known. */
  constructor(engine: SessionEngine, hasBackEnd: boolean) {
    this.#engine = engine;
    this.#hasBackEnd = hasBackEnd;
  }

  onApplicationBootstrap(): void {
    // A failure is told where every command's is.
    if (this.#hasBackEnd) void this.#engine.records.probe().catch(() => undefined);
  }
}
