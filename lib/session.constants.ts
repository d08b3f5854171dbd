/** Injection token of the {@link SessionStore} that the module uses. Inject it to call the back-end directly. */
export const SESSION_STORE = Symbol('SESSION_STORE');

/** Injection token of the options after the module has checked them and filled in every default. */
export const RESOLVED_OPTIONS = Symbol('RESOLVED_OPTIONS');

/** Injection token of `true` where the interceptor is attached to single handlers; absent where it is global. */
export const PER_ROUTE = Symbol('PER_ROUTE');
