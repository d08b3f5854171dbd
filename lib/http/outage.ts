import { SessionStoreError } from '../session.errors.js';
import type { HeadHeaders } from './head-headers.js';

/** Tells the client when to come back after an outage of the store (RFC 9110, section 15.6.4). */
export function announceOutage(headers: HeadHeaders, error: unknown): void {
  if (!(error instanceof SessionStoreError) || headers.hasHeader('retry-after')) return;
  headers.setHeader('Retry-After', '1');
}
