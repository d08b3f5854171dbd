import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { directTests } from './direct-tests.js';
import { expiryTests } from './expiry-tests.js';
import { raceTests } from './race-tests.js';
import { recordTests } from './record-tests.js';
import type { SessionStoreSetup, StoreTest } from './session-store-setup.js';
import { globalRunner, type TestRunner } from './test-runner.js';

export type { SessionStoreSetup } from './session-store-setup.js';
export type { TestRunner } from './test-runner.js';

/** Milliseconds; some tests wait until a record has expired. */
const TIMEOUT = 20_000;

/**
 * Declares the tests that every `SessionStore` has to pass: they hold the store to the prose of the interface, with single and
 * with parallel calls. The keys are random and nothing is cleared, so that the back-end may be shared.
 *
 * ```ts
 * describeSessionStore('PostgresStore', async () => ({ store: await PostgresStore.connect(url) }));
 * ```
 * @param setup makes the store; called once, before the first test.
 * @param runner the functions of the test runner, if they are not global.
 * @throws {Error} when there is no test runner; the message says what to pass.
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
    const run = async (test: StoreTest): Promise<void> => {
      assert.ok(given, 'the set-up failed');
      await test(given, `conformance:${randomUUID()}`);
    };

    beforeAll(async () => {
      given = await setup();
      // The tests that take seconds begin first, all at once, and are awaited last.
      for (const [testName, test] of Object.entries(expiryTests)) expiring.set(testName, run(test));
      void Promise.allSettled(expiring.values());
    });
    afterAll(async () => {
      await given?.close?.();
    });

    for (const tests of [directTests, recordTests, raceTests]) {
      for (const [testName, test] of Object.entries(tests)) it(testName, () => run(test), TIMEOUT);
    }
    for (const testName of Object.keys(expiryTests)) it(testName, async () => expiring.get(testName), TIMEOUT);
  });
}
