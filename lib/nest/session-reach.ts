import { isSessionToken } from './session-tokens.js';

/** What Nest knows of a provider, a controller or a guard: its token, and what is injected into it. */
export interface Injectee {
  readonly token: unknown;
  /** Nest says `undefined` where there is nothing. */
  getCtorMetadata(): readonly (Injectee | undefined)[] | undefined;
  getPropertiesMetadata(): readonly { readonly wrapper: Injectee }[] | undefined;
}

/** Whether a part of the application can open a session or call the store: one of them is injected into it, at any depth. */
export function reachesSession(part: Injectee): boolean {
  // A set shows what is added while it is walked over, and each member once.
  const found = new Set([part]);
  for (const injectee of found) {
    if (isSessionToken(injectee.token)) return true;
    for (const injected of injectedInto(injectee)) found.add(injected);
  }
  return false;
}

function injectedInto(injectee: Injectee): Injectee[] {
  const properties = injectee.getPropertiesMetadata() ?? [];
  const all = [...(injectee.getCtorMetadata() ?? []), ...properties.map(({ wrapper }) => wrapper)];
  return all.filter((injected) => injected !== undefined);
}
