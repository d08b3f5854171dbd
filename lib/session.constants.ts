/** Injection token of the {@link SessionStore} that the module uses; inject it for direct back-end calls. */
export const SESSION_STORE = Symbol('SESSION_STORE');
