/** Injection token of the {@link SessionStore} that the module uses; inject it for direct back-end calls. */
export const SESSION_STORE = Symbol('SESSION_STORE');

/** Keys of a record that belong to the library; they lie beside the user's data and are never shown as data. */
export const RESERVED_RECORD_KEYS = ['_addr', '_permanent', '_created', '_seen'] as const;
