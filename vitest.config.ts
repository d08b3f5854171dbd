import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));

/** Resolves @nestjs/* from test/nest-11 instead of the root, so that the same tests run on NestJS 11. */
function nest11(): Plugin {
  return {
    name: 'nest-11',
    enforce: 'pre',
    resolveId(source, importer) {
      if (!source.startsWith('@nestjs/') || importer?.includes('node_modules')) return null;
      return this.resolve(source, `${root}test/nest-11/package.json`, { skipSelf: true });
    },
  };
}

const alias = [
  { find: /^nest-session$/, replacement: `${root}lib/index.ts` },
  { find: /^nest-session\/stores\/(redis|memcached)$/, replacement: `${root}lib/stores/$1.store.ts` },
  { find: /^nest-session\/testing$/, replacement: `${root}lib/testing/describe-session-store.ts` },
];

export default defineConfig({
  resolve: { alias },
  test: {
    globalSetup: ['test/fixtures/servers.global.ts'],
    setupFiles: ['reflect-metadata'],
    // Vitest would leave one of two cores to itself.
    maxWorkers: 2,
    // Concurrent tests wait, for a record to expire say, rather than work.
    maxConcurrency: 20,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'unit', include: ['test/unit/**/*.spec.ts', 'test/*.spec.ts'] } },
      { extends: true, test: { name: 'stores', include: ['test/stores/**/*.spec.ts'] } },
      { extends: true, test: { name: 'security', include: ['test/security/**/*.spec.ts'] } },
      { extends: true, test: { name: 'interop', include: ['test/interop/**/*.spec.ts'] } },
      { extends: true, test: { name: 'nest-12', include: ['test/http/**/*.spec.ts'], env: { NEST: '12' } } },
      {
        extends: true,
        plugins: [nest11()],
        test: { name: 'nest-11', include: ['test/http/**/*.spec.ts'], env: { NEST: '11' } },
      },
      { extends: true, test: { name: 'whole', include: ['test/whole/**/*.spec.ts'], testTimeout: 120_000 } },
    ],
  },
});
