import { readdirSync, readFileSync } from 'node:fs';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { breaches, type SourceTree } from './fixtures/house-rules.js';

const lib = fileURLToPath(new URL('../lib/', import.meta.url));

function sourcesOf(directory: string): SourceTree {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  return Object.fromEntries(
    files.map((path) => [path.replaceAll(sep, '/'), readFileSync(`${directory}${path}`, 'utf8')]),
  );
}

/** Parts of a house that keeps the rules, to which each test adds one file that does not. */
const sound: SourceTree = {
  'index.ts': `export { engine } from './engine/engine.js';`,
  'http/slot.ts': `import { engine } from '../engine/engine.js'; void engine;`,
  'engine/engine.ts': `import type { Store } from '../stores/session-store.js'; export const engine = 1;`,
  'stores/session-store.ts': `import { createHash } from 'node:crypto'; export interface Store {}`,
  'stores/redis.store.ts': `import type { Store } from './session-store.js'; export const open = () => import('ioredis');`,
  'testing/record-tests.ts': `import type { Store } from '../stores/session-store.js';`,
  'testing/kit.ts': `import './record-tests.js'; import { engine } from '../engine/engine.js';`,
};

describe('the floors of lib/', () => {
  const tree = sourcesOf(lib);

  it('are all there to be read', () => {
    expect(Object.keys(tree)).toEqual(
      expect.arrayContaining(['index.ts', 'session.module.ts', 'session/live-session.ts']),
    );
  });

  it('import downward only, without cycles, and know nothing of Nest below floor 7', () => {
    expect(breaches(tree)).toEqual([]);
  });
});

describe('the check of the house', () => {
  it('passes a house that keeps the rules', () => {
    expect(breaches(sound)).toEqual([]);
  });

  it.each<[rule: string, added: SourceTree, breach: string]>([
    [
      'an upward import',
      { 'session/session.ts': `import { engine } from '../engine/engine.js';` },
      'session/session.ts (floor 1) imports upward: engine/engine.ts (floor 5)',
    ],
    [
      'an upward import of a type alone',
      { 'cookies/jar.ts': `import type { X } from '../http/slot.js';` },
      'cookies/jar.ts (floor 2) imports upward: http/slot.ts (floor 6)',
    ],
    [
      'an upward import in a type expression',
      { 'duration.ts': `export type D = import('./engine/engine.js').E;` },
      'duration.ts (floor 0) imports upward: engine/engine.ts (floor 5)',
    ],
    [
      'an upward import at run time',
      { 'duration.ts': `export const d = () => import('./engine/engine.js');` },
      'duration.ts (floor 0) imports upward: engine/engine.ts (floor 5)',
    ],
    [
      'an upward re-export',
      { 'options/all.ts': `export { engine } from '../engine/engine.js';` },
      'options/all.ts (floor 4) imports upward: engine/engine.ts (floor 5)',
    ],
    [
      'an import between adapters',
      { 'serializers/json.ts': `import type { Store } from '../stores/session-store.js';` },
      'serializers/json.ts imports another adapter: stores/session-store.ts',
    ],
    [
      'a cycle on one floor',
      { 'nest/a.ts': `import './b.js';`, 'nest/b.ts': `import type { A } from './a.js';` },
      'cycle: nest/a.ts → nest/b.ts → nest/a.ts',
    ],
    ['a file that imports itself', { 'nest/a.ts': `import './a.js';` }, 'cycle: nest/a.ts → nest/a.ts'],
    [
      'Nest in the engine',
      { 'engine/log.ts': `import { Logger } from '@nestjs/common';` },
      'engine/log.ts imports @nestjs/common below floor 7',
    ],
    [
      'rxjs in the options',
      { 'options/late.ts': `import type { Observable } from 'rxjs';` },
      'options/late.ts imports rxjs below floor 7',
    ],
    [
      'Nest in the test kit',
      { 'testing/nest.ts': `import { Logger } from '@nestjs/common';` },
      'testing/nest.ts imports @nestjs/common below floor 7',
    ],
    [
      'a conformance suite that knows a store',
      { 'testing/redis-tests.ts': `import { open } from '../stores/redis.store.js';` },
      `testing/redis-tests.ts imports stores/redis.store.ts: the suite sees the stores' port alone`,
    ],
    [
      'a conformance suite that knows the rest of the test kit',
      { 'testing/race-tests.ts': `import './kit.js';` },
      `testing/race-tests.ts imports testing/kit.ts: the suite sees the stores' port alone`,
    ],
    [
      'a test kit that loads the library by its entry point',
      { 'testing/all.ts': `import { engine } from '../index.js';` },
      'testing/all.ts imports index.ts, an entry point of its own',
    ],
    [
      'a library that knows its test kit',
      { 'nest/suite.ts': `import '../testing/kit.js';` },
      'nest/suite.ts imports testing/kit.ts: testing/ is an entry point of its own',
    ],
    [
      'metrics that know the engine',
      { 'opentelemetry/metrics.ts': `import { engine } from '../engine/engine.js'; import '@opentelemetry/api';` },
      'opentelemetry/metrics.ts imports engine/engine.ts: opentelemetry/ sees what the engine publishes alone',
    ],
    [
      'an engine that knows the metrics',
      {
        'opentelemetry/metrics.ts': `import { metrics } from '@opentelemetry/api'; void metrics;`,
        'http/count.ts': `import '../opentelemetry/metrics.js';`,
      },
      'http/count.ts imports opentelemetry/metrics.ts: opentelemetry/ is an entry point of its own',
    ],
    [
      'OpenTelemetry for everybody',
      { 'engine/count.ts': `import { metrics } from '@opentelemetry/api';` },
      'engine/count.ts imports the optional @opentelemetry/api before it is needed',
    ],
    [
      'a driver that everybody would have to install',
      { 'stores/eager.ts': `import type { Redis } from 'ioredis';` },
      'stores/eager.ts imports the optional ioredis before it is needed',
    ],
    ['a file outside the house', { 'helpers/text.ts': '' }, 'helpers/text.ts stands on no floor'],
    ['a file without a noun', { 'http/utils.ts': '' }, 'http/utils.ts is named after no noun'],
    ['a default export', { 'nest/a.ts': 'export default 1;' }, 'nest/a.ts has a default export'],
    ['a default class', { 'nest/a.ts': 'export default class A {}' }, 'nest/a.ts has a default export'],
    ['a default by name', { 'nest/a.ts': 'const a = 1; export { a as default };' }, 'nest/a.ts has a default export'],
    ['a barrel', { 'nest/a.ts': `export * from '../engine/engine.js';` }, 'nest/a.ts exports what it does not name'],
    ['the console', { 'nest/a.ts': `console.log('here');` }, 'nest/a.ts writes to the console'],
    [
      'an import that leads nowhere',
      { 'nest/a.ts': `import './gone.js';` },
      'nest/a.ts imports ./gone.js, which is not in the tree',
    ],
  ])('catches %s', (_rule, added, breach) => {
    expect(breaches({ ...sound, ...added })).toEqual([breach]);
  });
});
