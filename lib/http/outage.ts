import type { ServerResponse } from 'node:http';

import { SessionStoreError } from '../session.errors.js';

/** Tells the client when to come back after an outage of the store (RFC 9110, section 15.6.4). */
export function announceOutage(response: ServerResponse, error: unknown): void {
  if (!(error instanceof SessionStoreError) || response.headersSent || response.hasHeader('retry-after')) return;
  response.setHeader('Retry-After', '1');
}
