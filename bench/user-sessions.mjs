// What the lists of the users' sessions cost, on a Redis of its own: commands and CPU time of the application, with the option `user`
// and without it. Run `npm run measure:users`, on a machine that does nothing else.
import 'reflect-metadata';
import { setTimeout as wait } from 'node:timers/promises';

import { decorateRoute } from './decorate-route.mjs';
import { table } from './markdown.mjs';
import { RedisAccount } from './redis-account.mjs';

/** @typedef {import('nest-session').SessionModuleOptions} Options */
/** @typedef {import('@nestjs/platform-fastify').NestFastifyApplication} Application */
/** @typedef {{ commands: string, micros: number }} Cost of one request, or of one call. */
/** @typedef {{ labels: string[], cost: Cost }} Row */

const REQUESTS = 2000;
/** The first warms the process up and counts for nothing; of the others the table has the least of each figure. */
const ROUNDS = 4;
/** Seconds. A tenth of it has gone by before the renewals are measured, and they are done before its end. */
const SHORT = 20;

/** @type {(data: { user?: { id: number } }) => number | undefined} */
const userOf = (data) => data.user?.id;
/** @type {(request: import('node:http').IncomingMessage) => unknown} */
const device = (request) => ({ agent: request.headers['user-agent'] });
/** @type {Readonly<Record<string, Options>>} */
const KINDS = {
  'without `user`': {},
  'with `user`': { user: userOf, device },
  "with `verify: 'read'`": { user: { of: userOf, verify: 'read' }, device },
};

const redis = await RedisAccount.start();
const rows = await best(Object.entries(KINDS), async ([kind, options]) =>
  Object.entries(await requestsOf(options)).map(([work, cost]) => ({ labels: [work, kind], cost })),
);
process.stdout.write(`${table(['request', 'sessions', 'commands', 'CPU'], rows.map(micros), 3)}\n\n`);
const calls = await best([5, 1000], async (sessions) =>
  Object.entries(await callsWith(sessions)).map(([call, cost]) => ({ labels: [call, `of ${sessions}`], cost })),
);
process.stdout.write(`${table(['call', 'sessions', 'commands', 'CPU'], calls.map(millis), 3)}\n`);
await redis.stop();

/**
 * Measures all kinds in turn, so that a slow moment of the machine is one of all.
 * @template Kind
 * @param {readonly Kind[]} kinds
 * @param {(kind: Kind) => Promise<Row[]>} measure
 * @returns {Promise<Row[]>} sorted by what was asked for.
 */
async function best(kinds, measure) {
  /** @type {Map<string, Row>} */
  const found = new Map();
  const keepBest = (/** @type {Row} */ row) => {
    const key = row.labels.join();
    const before = found.get(key);
    if (before === undefined || row.cost.micros < before.cost.micros) found.set(key, row);
  };
  for (let round = 0; round < ROUNDS; round++) {
    if (round === 1) found.clear();
    for (const kind of kinds) (await measure(kind)).forEach(keepBest);
  }
  const order = [...new Set([...found.values()].map(({ labels }) => labels[0]))];
  return [...found.values()].toSorted((one, other) => order.indexOf(one.labels[0]) - order.indexOf(other.labels[0]));
}

/** @param {Row} row */
function micros({ labels, cost }) {
  return [...labels, cost.commands, `${cost.micros.toFixed(0)} µs`];
}

/** @param {Row} row */
function millis({ labels, cost }) {
  return [...labels, cost.commands, `${(cost.micros / 1000).toFixed(1)} ms`];
}

/**
 * @param {Options} options
 * @returns {Promise<Record<string, Cost>>}
 */
async function requestsOf(options) {
  await redis.client.flushall();
  const app = await start({ ...options, idleTimeout: SHORT });
  let user = 0;
  const signIn = () => ask(app, `sign-in?user=${user++}`);
  for (let warm = 0; warm < REQUESTS; warm++) await signIn();
  const signingIn = await costOf(REQUESTS, signIn);
  /** @type {string[]} */
  const cookies = [];
  while (cookies.length <= REQUESTS) cookies.push(await signIn());
  const read = (/** @type {number} */ each) => ask(app, 'read', cookies[each]);
  const reading = await costOf(REQUESTS, read);
  await wait((SHORT / 10) * 1000);
  const renewal = await costOf(REQUESTS, read);
  const signingOut = await costOf(REQUESTS, (each) => ask(app, 'sign-out', cookies[each]));
  await app.close();
  return { 'sign-in': signingIn, read: reading, renewal, 'sign-out': signingOut };
}

/**
 * @param {number} sessions
 * @returns {Promise<Record<string, Cost>>}
 */
async function callsWith(sessions) {
  const { UserSessions } = await import('nest-session');
  await redis.client.flushall();
  const app = await start({ user: userOf, device });
  const users = app.get(UserSessions);
  const signIn = () => ask(app, 'sign-in?user=7');
  const fill = async () => {
    for (let count = (await users.list(7)).length; count < sessions; count++) await signIn();
  };
  await fill();
  for (let warm = 0; warm < 20; warm++) await users.list(7);
  const list = await costOf(10, () => users.list(7));
  const end = async () => {
    const ended = await users.endAll(7);
    if (ended !== sessions) throw new Error(`${ended} of ${sessions} sessions were ended.`);
  };
  const endAll = await costOf(1, end, fill);
  await app.close();
  return { list, endAll };
}

/**
 * @param {number} times
 * @param {(each: number) => Promise<unknown>} work
 * @param {() => Promise<void>} [prepare] what the work needs once more before its commands are counted.
 * @returns {Promise<Cost>}
 */
async function costOf(times, work, prepare) {
  const begin = process.cpuUsage();
  for (let each = 0; each < times; each++) await work(each);
  const { user, system } = process.cpuUsage(begin);
  await prepare?.();
  // Counted apart, as whoever listens to Redis costs time.
  const counted = await redis.commandsDuring(async () => void (await work(times)));
  const commands = Object.entries(counted).map(([name, count]) => `${count} ${name.toUpperCase()}`);
  return { commands: commands.join(', '), micros: (user + system) / times };
}

/**
 * An application on Fastify. Its requests come without a network, so that the cost is that of the application alone.
 * @param {Options} options
 * @returns {Promise<Application>}
 */
async function start(options) {
  const { Controller, Module, Req } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { FastifyAdapter } = await import('@nestjs/platform-fastify');
  const { Session, SessionModule } = await import('nest-session');

  class AccountController {
    /**
     * @param {import('nest-session').LiveSession<{ user: { id: number } }>} session
     * @param {{ query: { user: string } }} request
     */
    async signIn(session, { query }) {
      await session.regenerate();
      session.user = { id: Number(query.user) };
      return {};
    }

    /** @param {{ user: unknown }} session */
    read({ user }) {
      return { user };
    }

    /** @param {import('nest-session').LiveSession} session */
    async signOut(session) {
      await session.destroy();
      return {};
    }
  }
  decorateRoute(AccountController, 'signIn', { path: 'sign-in', parameters: [Session(), Req()] });
  decorateRoute(AccountController, 'read', { parameters: [Session()] });
  decorateRoute(AccountController, 'signOut', { path: 'sign-out', parameters: [Session()] });
  Controller()(AccountController);
  class AppModule {}
  const sessions = SessionModule.forRoot({ ...options, store: 'redis', redis: { url: redis.url } });
  Module({ imports: [sessions], controllers: [AccountController] })(AppModule);
  /** @type {Application} */
  const app = await NestFactory.create(AppModule, new FastifyAdapter(), { logger: ['error', 'warn'] });
  await app.init();
  return app;
}

/**
 * @param {Application} app
 * @param {string} path
 * @param {string} [cookie]
 * @returns {Promise<string>} the cookie that the answer sets, if any.
 */
async function ask(app, path, cookie) {
  const headers = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0' };
  const answer = await app.inject({
    url: `/${path}`,
    headers: cookie === undefined ? headers : { ...headers, cookie },
  });
  if (answer.statusCode !== 200) throw new Error(`/${path} answered ${answer.statusCode}: ${answer.body}`);
  return String(answer.headers['set-cookie'] ?? '').split(';', 1)[0] ?? '';
}
