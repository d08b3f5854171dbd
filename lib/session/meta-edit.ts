import type { SessionMeta, SignIn } from './session-record.js';

/** What the application has set in the meta itself, with `remember` or `signedIn`. */
export interface MetaEdit {
  readonly lifetime?: number | false;
  readonly signIn?: SignIn;
  /** When it was set, by the clock of the data. What is set after the call of a regenerate belongs to the session after it. */
  readonly moment: number;
}

/** What of the meta a regenerate keeps. */
export interface KeptMeta {
  readonly lifetime: boolean;
  readonly signIn: boolean;
}

export const NO_EDITS: readonly MetaEdit[] = [];

/**
 * The meta with these edits over it.
 * @param meta as the store has it, or as another request has left it.
 * @param edits in the order in which they were made.
 * @param writesPermanent whether `_permanent` tells other programs how long the cookie lasts.
 */
export function withEdits(meta: SessionMeta, edits: readonly MetaEdit[], writesPermanent: boolean): SessionMeta {
  if (edits.length === 0) return meta;
  let { lifetime, permanent } = meta;
  for (const edit of edits) {
    if (edit.lifetime === undefined) continue;
    ({ lifetime } = edit);
    if (writesPermanent) permanent = lifetime !== false;
  }
  return { ...meta, lifetime, permanent, signIn: lastSignIn(meta.signIn, edits) };
}

/** The later of the sign-ins. Of two at the same time, the one that this request has made. */
export function lastSignIn(stored: SignIn | undefined, edits: readonly MetaEdit[]): SignIn | undefined {
  let last = stored;
  for (const { signIn } of edits) if (signIn !== undefined && signIn.at >= (last?.at ?? 0)) last = signIn;
  return last;
}

/** Whether a regenerate leaves the edit to the session after it. */
export function outlives({ lifetime, signIn }: MetaEdit, kept: KeptMeta | undefined): boolean {
  if (kept === undefined) return false;
  return (lifetime !== undefined && kept.lifetime) || (signIn !== undefined && kept.signIn);
}
