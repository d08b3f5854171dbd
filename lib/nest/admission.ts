const ADMISSIONS = new WeakMap<object, Promise<unknown>>();

/**
 * Has the messages of a client wait for the guards of its connection. Nest hands messages over at once, while a guard still reads
 * the store.
 * @param guarding rejects when the connection is refused. Then no message of it is ever handled.
 */
export async function admit(client: object, guarding: Promise<void>): Promise<void> {
  // Each of several gateways on one server has guards of its own.
  const all = Promise.all([ADMISSIONS.get(client), guarding]);
  ADMISSIONS.set(client, all);
  await all;
  if (ADMISSIONS.get(client) === all) ADMISSIONS.delete(client);
}

/** What the messages of a client wait for; `undefined` when there is nothing to wait for. */
export function admissionOf(client: object): Promise<unknown> | undefined {
  return ADMISSIONS.get(client);
}
