import type { InjectionToken } from '@nestjs/common';

import { UserSessions } from '../engine/user-sessions.js';
import { DEFAULT_NAME, SESSION_STORE } from '../session.constants.js';
import { SessionHealth } from './session-health.js';
import { SessionService } from './session.service.js';

const STORE = 'SESSION_STORE:';
const SERVICE = 'SessionService:';
const USERS = 'UserSessions:';
const HEALTH = 'SessionHealth:';

/**
 * Injection token of the store of the SessionModule with this name, as `SESSION_STORE` is for the module without a name.
 * @param name the `name` of the module.
 */
export function getSessionStoreToken(name: string = DEFAULT_NAME): InjectionToken {
  return name === DEFAULT_NAME ? SESSION_STORE : STORE + name;
}

/**
 * Injection token of the {@link SessionService} of the SessionModule with this name, as the class itself is for the module without
 * a name.
 * @param name the `name` of the module.
 */
export function getSessionServiceToken(name: string = DEFAULT_NAME): InjectionToken {
  return name === DEFAULT_NAME ? SessionService : SERVICE + name;
}

/**
 * Injection token of the {@link UserSessions} of the SessionModule with this name, as the class itself is for the module without a
 * name.
 * @param name the `name` of the module.
 */
export function getUserSessionsToken(name: string = DEFAULT_NAME): InjectionToken {
  return name === DEFAULT_NAME ? UserSessions : USERS + name;
}

/** Whether the token stands for the service or the store of a SessionModule. */
export function isSessionToken(token: unknown): boolean {
  if (token === SessionService || token === SESSION_STORE) return true;
  return typeof token === 'string' && (token.startsWith(STORE) || token.startsWith(SERVICE));
}

/**
 * Injection token of the {@link SessionHealth} of the SessionModule with this name, as the class itself is for the module without a
 * name.
 * @param name the `name` of the module.
 */
export function getSessionHealthToken(name: string = DEFAULT_NAME): InjectionToken {
  return name === DEFAULT_NAME ? SessionHealth : HEALTH + name;
}
