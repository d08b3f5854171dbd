import type { ExecutionContext } from '@nestjs/common';
import { ApplicationConfig, type ModuleRef } from '@nestjs/core';

import { refusal } from './refusal.js';
import { SignedInGuard } from './signed-in.guard.js';

/**
 * The `SignedInGuard`s of the whole application, for the messages of gateways: Nest 11 runs no global guard for them. Where Nest 12
 * has, its session is open already, and a second look costs no command of the store.
 */
export class MessageGuards {
  readonly #moduleRef: ModuleRef;
  #guards: readonly SignedInGuard[] | undefined;

  constructor(moduleRef: ModuleRef) {
    this.#moduleRef = moduleRef;
  }

  /** @returns `undefined` when there is nothing to wait for; rejects when one refuses the message. */
  guard(context: ExecutionContext): Promise<void> | undefined {
    const guards = (this.#guards ??= this.#found);
    return guards.length === 0 ? undefined : passAll(guards, context);
  }

  /** All are there when the first message comes. */
  get #found(): SignedInGuard[] {
    const config = this.#moduleRef.get(ApplicationConfig, { strict: false });
    return config.getGlobalGuards().filter((guard) => guard instanceof SignedInGuard);
  }
}

async function passAll(guards: readonly SignedInGuard[], context: ExecutionContext): Promise<void> {
  for (const guard of guards) if (!(await guard.canActivate(context))) throw await refusal(context);
}
