import { WORKS } from './cells.mjs';
import { ServerProcess } from './server-process.mjs';
import { spendingOf } from './spending.mjs';
import { checkAnswers, newVisitors, visitorsWith } from './visitors.mjs';

/**
 * @typedef {import('./cells.mjs').Cell} Cell
 * @typedef {import('./cells.mjs').Platform} Platform
 * @typedef {import('./visitors.mjs').Visitors} Visitors
 */

/**
 * @typedef {object} Plan
 * @property {readonly Platform[]} platforms
 * @property {readonly Cell[]} cells
 * @property {number} rounds
 * @property {number} millis of load in each cell of a round.
 * @property {number} warmUpMillis of load in each cell before the first round, which count for nothing.
 * @property {number} warmUpRequests that each application has taken before the first round.
 */

/**
 * @typedef {Cell & { platform: Platform, round: number } & import('./spending.mjs').Spending} Row
 * @typedef {Cell & { platform: Platform, commands: Record<string, number> }} Commands sent to Redis for one request.
 * @typedef {{ platform: Platform, application: string, residentBytes: number }} Memory of a process after its cells.
 * @typedef {{ rows: Row[], commands: Commands[], memory: Memory[], discarded: string[] }} Measured What was discarded because a response failed.
 */

/** Half seconds, for an application that is slow to reach its requests. */
const MOST_WARM_UPS = 12;
/** Requests whose answers and commands are looked at one by one. */
const CHECKED = 500;

/** The applications of one platform, each in a process of its own, and the sessions that they hold. */
class Stage {
  /**
   * @param {Platform} platform
   * @param {import('./redis-account.mjs').RedisAccount} redis
   */
  constructor(platform, redis) {
    this.platform = platform;
    this.redis = redis;
    /** @type {Map<string, ServerProcess>} */
    this.servers = new Map();
    /** @type {Map<string, Visitors>} */
    this.visitors = new Map();
    /** @type {string[]} */
    this.discarded = [];
  }

  /** @param {readonly Cell[]} cells */
  async prepare(cells) {
    for (const { application } of cells) {
      if (this.servers.has(application)) continue;
      const server = await ServerProcess.start(this.platform, application, { REDIS_URL: this.redis.url });
      this.servers.set(application, server);
    }
    for (const cell of cells) await this.visitorsOf(cell);
  }

  /** @param {Cell} cell */
  serverOf({ application }) {
    const server = this.servers.get(application);
    if (server === undefined) throw new Error(`No server runs ${application}.`);
    return server;
  }

  /**
   * Made once for all cells of the application that have as many of that size.
   * @param {Cell} cell
   * @returns {Promise<Visitors>}
   */
  async visitorsOf({ application, work }) {
    const { visitors: count, bytes } = workOf(work);
    // Bare Nest keeps no sessions: its requests carry the cookies of ours.
    const keeper = application === 'bare' ? 'ours' : application;
    const name = `${keeper} ${count} ${bytes}`;
    const known = this.visitors.get(name);
    if (known !== undefined) return known;
    const { port } = this.serverOf({ application: keeper, work });
    const visitors = count === 0 ? visitorsWith([]) : await newVisitors(port, count, bytes);
    this.visitors.set(name, visitors);
    return visitors;
  }

  /**
   * What Redis is asked for one request, while the answers are looked at.
   * @param {Cell} cell
   * @returns {Promise<Commands>}
   */
  async check(cell) {
    const { port } = this.serverOf(cell);
    const { cookies } = await this.visitorsOf(cell);
    const target = { port, path: workOf(cell.work).path, cookies };
    const counts = await this.redis.commandsDuring(() => checkAnswers(target, CHECKED));
    const commands = Object.fromEntries(Object.entries(counts).map(([name, count]) => [name, count / CHECKED]));
    return { platform: this.platform, ...cell, commands };
  }

  /**
   * @param {Cell} cell
   * @param {number} millis
   */
  async measure(cell, millis) {
    const { file } = await this.visitorsOf(cell);
    const load = { path: workOf(cell.work).path, cookieFile: file };
    const trial = { servers: [this.serverOf(cell)], redis: this.redis, load, millis };
    return spendingOf(trial, this.discarded);
  }

  /**
   * An application with one cell gets as many requests as one with ten: V8 goes on compiling for more than ten thousand.
   * @param {Pick<Plan, 'cells' | 'warmUpMillis' | 'warmUpRequests'>} plan
   */
  async warmUp({ cells, warmUpMillis, warmUpRequests }) {
    for (const cell of cells) await this.measure(cell, warmUpMillis);
    for (const application of this.servers.keys()) {
      const cell = cells.find((one) => one.application === application);
      if (cell) await this.warmUpUntil(cell, warmUpRequests);
    }
  }

  /**
   * @param {Cell} cell
   * @param {number} requests
   */
  async warmUpUntil(cell, requests) {
    const server = this.serverOf(cell);
    for (let more = 0; more < MOST_WARM_UPS; more++) {
      if ((await server.usage()).requests >= requests) return;
      await this.measure(cell, 500);
    }
  }

  /**
   * @param {number} round
   * @param {Pick<Plan, 'cells' | 'millis'>} plan
   */
  async round(round, { cells, millis }) {
    /** @type {Row[]} */
    const rows = [];
    for (const cell of turned(cells, round)) {
      rows.push({ platform: this.platform, ...cell, round, ...(await this.measure(cell, millis)) });
    }
    return rows;
  }

  /** @returns {Promise<Memory[]>} */
  async memory() {
    return Promise.all(
      [...this.servers].map(async ([application, server]) => {
        const { residentBytes } = await server.usage();
        return { platform: this.platform, application, residentBytes };
      }),
    );
  }

  async close() {
    await Promise.all([...this.servers.values()].map((server) => server.stop()));
  }
}

/**
 * Measures each cell once a round. What slows the machine down for a while so slows them all, and no cell always follows the same one.
 * @param {Plan} plan
 * @param {import('./redis-account.mjs').RedisAccount} redis
 * @param {(line: string) => void} say
 * @returns {Promise<Measured>}
 */
export async function measureRounds({ platforms, ...plan }, redis, say) {
  /** @type {Measured} */
  const measured = { rows: [], commands: [], memory: [], discarded: [] };
  for (const platform of platforms) {
    const stage = new Stage(platform, redis);
    try {
      say(`${platform}: preparing ${plan.cells.length} cells`);
      await stage.prepare(plan.cells);
      // Before any load: wrk ends in the middle of requests, whose commands would be counted here.
      for (const cell of plan.cells) measured.commands.push(await stage.check(cell));
      await stage.warmUp(plan);
      for (let round = 0; round < plan.rounds; round++) {
        say(`${platform}: round ${round + 1} of ${plan.rounds}`);
        measured.rows.push(...(await stage.round(round, plan)));
      }
      measured.memory.push(...(await stage.memory()));
      measured.discarded.push(...stage.discarded.map((why) => `${platform} ${why}`));
    } finally {
      await stage.close();
    }
  }
  return measured;
}

/**
 * The same cells from another one on, and every second time backwards.
 * @template T
 * @param {readonly T[]} cells
 * @param {number} round
 */
export function turned(cells, round) {
  const from = (round * 7) % cells.length;
  const order = [...cells.slice(from), ...cells.slice(0, from)];
  return round % 2 === 0 ? order : order.toReversed();
}

/** @param {string} name */
export function workOf(name) {
  const work = WORKS[name];
  if (work === undefined) throw new Error(`There is no work ${name}.`);
  return work;
}
