// Runs the quick HTTP tests on each Node that package.json names, with the lowest and with the installed versions of the peers.
// `npm run test:matrix` runs every cell, `npm run test:matrix -- 24` those of Node 24.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * The peers are those of a test project in vitest.config.ts: `nest-12` has the installed ones, which are the highest. On Node 20
 * `npm test` runs on these, and on NestJS 11, as a whole.
 */
const CELLS = [
  { node: '20', peers: 'lowest-peers' },
  { node: '22', peers: 'nest-12' },
  { node: '24', peers: 'nest-12' },
];

/** What leans on Node, on NestJS or on a driver most, and takes a quarter of a minute: no compression, no static files. */
const QUICK = [
  'test/unit/http/formed-head.spec.ts',
  'test/http/access.spec.ts',
  'test/http/answers.spec.ts',
  'test/http/context.spec.ts',
  'test/http/context-messages.spec.ts',
  'test/http/cookie.spec.ts',
  'test/http/failed-endings.spec.ts',
  'test/http/failures.spec.ts',
  'test/http/gateway.spec.ts',
  'test/http/guard-beside-quart.spec.ts',
  'test/http/late-requests.spec.ts',
  'test/http/lifetime.spec.ts',
  'test/http/module.spec.ts',
  'test/http/outage.spec.ts',
  'test/http/peer-versions.spec.ts',
  'test/http/request-session.spec.ts',
  'test/http/several-cookies.spec.ts',
  'test/http/several-modules.spec.ts',
  'test/http/shared-cache.spec.ts',
  'test/http/subscriptions.spec.ts',
  'test/http/unknown-ids.spec.ts',
];

/**
 * The path of a Node of that major version: the one that runs this, or the newest that npm has.
 * @param {string} major
 */
function nodeOf(major) {
  if (process.versions.node.split('.')[0] === major) return process.execPath;
  const folder = join(root, '.build', `node-${major}`);
  // A plain package with the binary in it: nothing is downloaded by a script.
  const name = `node-${process.platform}-${process.arch}`;
  const binary = join(folder, 'node_modules', name, 'bin/node');
  if (!existsSync(binary)) {
    const flags = ['--no-audit', '--no-fund', '--no-package-lock', '--no-save', '--ignore-scripts', '--loglevel=error'];
    execFileSync('npm', ['install', '--prefix', folder, ...flags, `${name}@${major}`], { stdio: 'inherit' });
  }
  return binary;
}

/**
 * Whether the quick tests pass there. What they say is shown as it comes.
 * @param {(typeof CELLS)[number]} cell
 */
function passes({ node, peers }) {
  const binary = nodeOf(node);
  const version = execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim();
  console.log(`\nNode ${version}, with the peers of ${peers}`);
  const projects = ['--project', 'unit', '--project', peers];
  // What the tests start as `node` has to be this one too.
  const env = { ...process.env, PATH: [dirname(binary), process.env.PATH].join(delimiter) };
  const args = [join(root, 'node_modules/vitest/vitest.mjs'), 'run', ...projects, ...QUICK];
  return spawnSync(binary, args, { cwd: root, env, stdio: 'inherit' }).status === 0;
}

const missing = QUICK.filter((path) => !existsSync(join(root, path)));
if (missing.length > 0) {
  console.error(`The quick tests are not all there: ${missing.join(', ')}.`);
  process.exit(1);
}
const majors = process.argv.slice(2);
const unknown = majors.filter((major) => !CELLS.some(({ node }) => node === major));
if (unknown.length > 0) {
  console.error(`The matrix has no Node ${unknown.join(', ')}: choose of ${CELLS.map(({ node }) => node).join(', ')}.`);
  process.exit(1);
}
const failed = CELLS.filter(({ node }) => majors.length === 0 || majors.includes(node)).filter((cell) => !passes(cell));
for (const { node, peers } of failed) console.error(`The tests fail on Node ${node} with the peers of ${peers}.`);
process.exitCode = failed.length === 0 ? 0 : 1;
