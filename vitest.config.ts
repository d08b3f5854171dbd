import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Plugin, type TestProjectInlineConfiguration } from 'vitest/config';

const root = fileURLToPath(new URL('.', import.meta.url));

const { peerDependencies } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as {
  peerDependencies: Readonly<Record<string, string>>;
};

function isPeer(source: string): boolean {
  if (source.startsWith('@nestjs/')) return true;
  return Object.keys(peerDependencies).some((peer) => source === peer || source.startsWith(`${peer}/`));
}

/** Resolves the peers from a workspace instead of the root, so that the same tests run on other versions of them. */
function peersOf(workspace: string): Plugin {
  return {
    name: `peers-of-${workspace}`,
    enforce: 'pre',
    resolveId(source, importer) {
      if (!isPeer(source) || importer?.includes('node_modules')) return null;
      return this.resolve(source, `${root}${workspace}/package.json`, { skipSelf: true });
    },
  };
}

/** The HTTP tests, on the NestJS and the other peers of that workspace. */
function httpTests(name: string, workspace: string, nest: '11' | '12'): TestProjectInlineConfiguration {
  // The workspace of the lowest peers has those of the library alone, and not the packages of the other contexts.
  const folders = workspace === 'test/lowest-peers' ? ['http'] : ['http', 'contexts'];
  const include = folders.map((folder) => `test/${folder}/**/*.spec.ts`);
  return {
    extends: true,
    plugins: [peersOf(workspace)],
    test: { name, include, env: { NEST: nest, PEERS: workspace } },
  };
}

/** Those, and the tests of the other contexts, whose packages the lowest peers do not have. */
function contextTests(...project: Parameters<typeof httpTests>): TestProjectInlineConfiguration {
  const { test, ...rest } = httpTests(...project);
  return { ...rest, test: { ...test, include: [...(test?.include ?? []), 'test/contexts/**/*.spec.ts'] } };
}

const lowestPeers = httpTests('lowest-peers', 'test/lowest-peers', '11');

const alias = [
  { find: /^nest-session$/, replacement: `${root}lib/index.ts` },
  {
    find: /^nest-session\/stores\/(redis|memcached|postgres|mongo|file|datastore)$/,
    replacement: `${root}lib/stores/$1/$1.store.ts`,
  },
  { find: /^nest-session\/fastify-passport$/, replacement: `${root}lib/nest/fastify-passport.ts` },
  { find: /^nest-session\/buses\/redis$/, replacement: `${root}lib/buses/redis/redis.bus.ts` },
  { find: /^nest-session\/opentelemetry$/, replacement: `${root}lib/opentelemetry/observe-sessions.ts` },
  { find: /^nest-session\/testing$/, replacement: `${root}lib/testing/index.ts` },
];

export default defineConfig({
  resolve: { alias },
  test: {
    globalSetup: ['test/fixtures/servers.global.ts'],
    setupFiles: ['test/fixtures/metadata.setup.ts'],
    // Vitest would leave one of two cores to itself; and where one file waits, for a timeout say, another one works.
    maxWorkers: 3,
    // One process for many files, which loads Nest once; each file still has modules of its own from lib/ and test/.
    isolate: false,
    // Concurrent tests wait, for a record to expire say, rather than work.
    maxConcurrency: 40,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/unit/**/*.spec.ts', 'test/*.spec.ts', 'bench/report.spec.ts'] },
      },
      { extends: true, test: { name: 'stores', include: ['test/stores/**/*.spec.ts'] } },
      { extends: true, test: { name: 'security', include: ['test/security/**/*.spec.ts'] } },
      { extends: true, test: { name: 'interop', include: ['test/interop/**/*.spec.ts'] } },
      contextTests('nest-12', '.', '12'),
      contextTests('nest-11', 'test/nest-11', '11'),
      // The lowest reflect-metadata must not meet the one of the root, which a file before has loaded with a package from there.
      { ...lowestPeers, test: { ...lowestPeers.test, isolate: true } },
      {
        extends: true,
        test: {
          name: 'whole',
          include: ['test/whole/**/*.spec.ts', 'bench/applications.spec.ts'],
          testTimeout: 120_000,
        },
      },
    ],
  },
});
