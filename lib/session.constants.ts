/** Injection token of the {@link SessionStore} that the module uses. Inject it to call the back-end directly. */
export const SESSION_STORE = Symbol('SESSION_STORE');

/** Injection token of the options after the module has checked them and filled in every default. */
export const RESOLVED_OPTIONS = Symbol('RESOLVED_OPTIONS');

/** The name of the sessions of a module that was given none. */
export const DEFAULT_NAME = 'default';
