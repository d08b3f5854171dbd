import type { ModulesContainer } from '@nestjs/core';

import { EventHub } from '../engine/event-hub.js';

const HUBS = new WeakMap<ModulesContainer, EventHub>();

/** The one hub of an application, however many SessionModules it has. */
export function hubOf(modules: ModulesContainer): EventHub {
  let hub = HUBS.get(modules);
  if (hub === undefined) HUBS.set(modules, (hub = new EventHub()));
  return hub;
}
