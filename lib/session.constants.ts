/** Injection token of the {@link SessionStore} that the module uses; inject it for direct back-end calls. */
export const SESSION_STORE = Symbol('SESSION_STORE');

/** Injection token of the options once they are checked and every default is filled in. */
export const RESOLVED_OPTIONS = Symbol('RESOLVED_OPTIONS');

/** Injection token of `true` where the interceptor is attached to single handlers; absent where it is global. */
export const PER_ROUTE = Symbol('PER_ROUTE');
