/** The functions of a test runner that `describeSessionStore` calls. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown;
  it(name: string, body: () => Promise<void>, timeout?: number): unknown;
  beforeAll(body: () => Promise<void>): unknown;
  afterAll(body: () => Promise<void>): unknown;
}

/**
 * The runner whose functions are global, as in Jest, in Mocha, and in vitest with `globals: true`.
 * @throws {Error} when there is none; the message says what to pass.
 */
export function globalRunner(): TestRunner {
  const { describe, it, beforeAll, before, afterAll, after } = globalThis as unknown as Record<string, unknown>;
  const runner = { describe, it, beforeAll: beforeAll ?? before, afterAll: afterAll ?? after };
  if (Object.values(runner).every((part) => typeof part === 'function')) return runner as TestRunner;
  throw new Error(
    'describeSessionStore found no global test functions. Pass them as its third argument: ' +
      "import { describe, it, beforeAll, afterAll } from 'vitest', or from 'node:test' with before and after in their place.",
  );
}
