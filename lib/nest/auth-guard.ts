/**
 * What this library needs of `AuthGuard()` of @nestjs/passport, and of every guard that extends it.
 */
export interface AuthGuard {
  readonly options?: { readonly session?: unknown } | undefined;
  getAuthenticateOptions(context: unknown): unknown;
}

/** The methods of an AuthGuard. They tell it from other guards, without an import of a package that few applications have. */
const METHODS = ['canActivate', 'getAuthenticateOptions', 'getRequest', 'handleRequest', 'logIn'];

/** Whether the guard, a class or an instance, is an AuthGuard. */
export function isAuthGuard(guard: unknown): boolean {
  const methods = (typeof guard === 'function' ? guard.prototype : guard) as Readonly<Record<string, unknown>> | null;
  return (
    typeof methods === 'object' && methods !== null && METHODS.every((name) => typeof methods[name] === 'function')
  );
}

/**
 * Whether an AuthGuard has been told, with `PassportModule.register({ session: false })`, that its strategies need no session, as
 * those of bearer tokens do not.
 */
export function refusesSession(guard: AuthGuard | undefined): boolean {
  return guard?.options?.session === false;
}

/** Has the guard call `open` each time before it runs Passport, and not where a guard that extends it lets a request pass by itself. */
export function openBefore(guard: AuthGuard, open: (context: unknown) => Promise<void>): void {
  // An AuthGuard calls this method first, and waits for it.
  const original = guard.getAuthenticateOptions;
  guard.getAuthenticateOptions = async (context) => {
    await open(context);
    return original.call(guard, context);
  };
}
