import { isPlainObject } from '../serializers/plain-object.js';

/** A record of express-session, as connect-redis and its kin write it. */
export interface ConnectRecord {
  readonly data: Readonly<Record<string, unknown>>;
  /** When it ends, in epoch seconds; `undefined`: with the browser. */
  readonly expiresAt: number | undefined;
}

/** Reads plain JSON with the cookie's attributes beside the data. `undefined`: it is no such record. */
export function parseConnectRecord(text: string): ConnectRecord | undefined {
  const payload = parseObject(text);
  const cookie = payload?.['cookie'];
  if (payload === undefined || typeof cookie !== 'object' || cookie === null) return undefined;
  const { cookie: _cookie, ...data } = payload;
  const { expires } = cookie as { expires?: unknown };
  const ends = typeof expires === 'string' ? Date.parse(expires) / 1000 : NaN;
  return { data, expiresAt: Number.isNaN(ends) ? undefined : ends };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const payload: unknown = JSON.parse(text);
    return typeof payload === 'object' && payload !== null && isPlainObject(payload) ? payload : undefined;
  } catch {
    return undefined;
  }
}
