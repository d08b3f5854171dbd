import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { directPromises } from './direct-promises.js';
import { expiryPromises } from './expiry-promises.js';
import { racePromises } from './race-promises.js';
import { recordPromises } from './record-promises.js';
import type { SessionStoreSetup, StorePromise } from './session-store-setup.js';
import { globalRunner, type TestRunner } from './test-runner.js';

export type { SessionStoreSetup } from './session-store-setup.js';
export type { TestRunner } from './test-runner.js';

/** Milliseconds; some tests wait until a record has expired. */
const TIMEOUT = 20_000;

/**
 * Declares the tests that every `SessionStore` has to pass: what the interface promises in prose, alone and in parallel. The
 * keys are random and nothing is cleared, so that the back-end may be shared.
 *
 * ```ts
 * describeSessionStore('PostgresStore', async () => ({ store: await PostgresStore.connect(url) }));
 * ```
 * @param setup makes the store; called once, before the first test.
 * @param runner the functions of the test runner, where they are not global.
 * @throws {Error} that says what to pass, when there is no test runner.
 */
export function describeSessionStore(
  name: string,
  setup: () => Promise<SessionStoreSetup>,
  runner: TestRunner = globalRunner(),
): void {
  const { describe, it, beforeAll, afterAll } = runner;
  describe(name, () => {
    let given: SessionStoreSetup | undefined;
    const expiring = new Map<string, Promise<void>>();
    const run = async (test: StorePromise): Promise<void> => {
      assert.ok(given, 'the set-up failed');
      await test(given, `conformance:${randomUUID()}`);
    };

    beforeAll(async () => {
      given = await setup();
      // What takes seconds begins first, all at once, and is awaited last.
      for (const [promise, test] of Object.entries(expiryPromises)) expiring.set(promise, run(test));
      void Promise.allSettled(expiring.values());
    });
    afterAll(async () => {
      await given?.close?.();
    });

    for (const promises of [directPromises, recordPromises, racePromises]) {
      for (const [promise, test] of Object.entries(promises)) it(promise, () => run(test), TIMEOUT);
    }
    for (const promise of Object.keys(expiryPromises)) it(promise, async () => expiring.get(promise), TIMEOUT);
  });
}
