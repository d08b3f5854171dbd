import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';

import { Controller, Get, Module, Post, type INestApplication, type LoggerService, type Type } from '@nestjs/common';
import { Redis } from 'ioredis';
import { Session, SessionModule } from 'nest-session';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { Chapter } from '../fixtures/chapter.js';
import { freePort, type ChildServer } from '../fixtures/child-server.mjs';
import { Client } from '../fixtures/client.js';
import { eventually } from '../fixtures/eventually.js';
import { snippetsOf } from '../fixtures/markdown-snippets.js';
import { createOn, platforms, type Platform } from '../fixtures/platforms.js';
import { startPrometheus } from '../fixtures/prometheus-server.mjs';
import { startRedis } from '../fixtures/servers.mjs';

const page = fileURLToPath(new URL('../../docs/metrics.md', import.meta.url));
const dashboardFile = new URL('../../docs/grafana-dashboard.json', import.meta.url);

let chapter: Chapter;
let redis: ChildServer;
let app: INestApplication | undefined;

beforeAll(async () => {
  chapter = new Chapter('metrics');
  redis = await startRedis();
  process.env['REDIS_URL'] = `redis://127.0.0.1:${redis.port}`;
}, 60_000);

afterEach(async () => {
  await app?.close();
  app = undefined;
});

afterAll(async () => {
  delete process.env['REDIS_URL'];
  await redis.stop();
});

async function start(platform: Platform, module: Type, logger: LoggerService | false = false): Promise<Client> {
  app = await createOn(platform, module, { logger, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  return new Client(portOf(app));
}

function portOf(listening: INestApplication): number {
  return (listening.getHttpServer().address() as AddressInfo).port;
}

/** The page's JSON of this name, with what differs from run to run as the test sees it. */
function jsonOf(name: string): unknown {
  const text = snippetsOf(page).find((snippet) => snippet.name === name)?.text ?? '';
  return JSON.parse(text, (key, value: unknown) => {
    if (key === 'responseTime') return expect.any(Number) as unknown;
    return key === 'since' ? (expect.stringMatching(/^\d{4}-.*Z$/) as unknown) : value;
  });
}

describe.each(platforms)('the health check of docs/metrics.md, on %s', (platform) => {
  it('responds as the page says while the store is up, down and up again', async () => {
    const { AppModule } = await chapter.load<{ AppModule: Type }>('app.module.ts');
    const errors: unknown[] = [];
    const silent = (): void => undefined;
    const logger = { log: silent, warn: silent, error: (message: unknown) => errors.push(message) };
    const client = await start(platform, AppModule, logger);
    const ask = async (): Promise<{ status: number; body: unknown }> => {
      const response = await client.get('/health');
      return { status: response.status, body: await response.json() };
    };
    expect(await ask()).toEqual({ status: 200, body: jsonOf('up') });
    await redis.stop();
    await eventually(async () => expect(await ask()).toEqual({ status: 503, body: jsonOf('down') }));
    await redis.restart();
    const sessions = { status: 'up', lastError: { until: expect.any(String) as string } };
    await eventually(async () =>
      expect(await ask()).toMatchObject({ status: 200, body: { status: 'ok', details: { sessions } } }),
    );
    expect(errors).toEqual([expect.stringMatching(/^The store of the sessions fails/)]);
  });
});

@Controller()
class TrafficController {
  @Post('login')
  async login(@Session() session: Session<{ user: string }>): Promise<void> {
    await session.regenerate();
    session.user = 'ada';
  }

  @Get('count')
  count(@Session() session: Session<{ count: number }>): void {
    session.count = (session.count ?? 0) + 1;
  }

  /** Another program writes to the record meanwhile. */
  @Get('collide')
  async collide(@Session() session: Session<{ count: number }>): Promise<void> {
    const client = new Redis(redis.port);
    const key = `traffic:${session.id}`;
    await client.set(key, String(await client.get(key)).replace(/"count":\d+/, '"count":99'), 'KEEPTTL');
    client.disconnect();
    session.count = 7;
  }

  @Post('logout')
  logout(@Session() session: Session): Promise<void> {
    return session.destroy();
  }
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly title: string;
  readonly targets?: readonly { readonly expr: string }[];
}

interface Dashboard {
  readonly panels: readonly Panel[];
  readonly annotations: { readonly list: readonly { readonly name: string; readonly expr?: string }[] };
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

/** Every query of the dashboard and of the page's alerts, as Grafana would send it. */
function queries(): Map<string, string> {
  const { panels, annotations } = JSON.parse(readFileSync(dashboardFile, 'utf8')) as Dashboard;
  const all: [string, string][] = panels.flatMap(({ title, targets = [] }) =>
    targets.map(({ expr }) => [`${title}: ${expr}`, expr] as [string, string]),
  );
  for (const { name, expr } of annotations.list) if (expr !== undefined) all.push([name, expr]);
  const alerts = snippetsOf(page).find(({ language }) => language === 'promql')?.text ?? '';
  for (const alert of alerts.trim().split('\n')) all.push([alert, alert]);
  return new Map(
    all.map(([name, expr]) => [
      name,
      expr.replaceAll('$__rate_interval', '1m').replaceAll('$sessions', '.*').replaceAll('$job', '.*'),
    ]),
  );
}

describe('the dashboard', () => {
  it('finds everything it shows in what a real Prometheus fetches from an application', async () => {
    const metricsPort = await freePort();
    process.env['METRICS_PORT'] = String(metricsPort);
    const telemetry = await chapter.load<{ stop(): void; meterProvider: { shutdown(): Promise<void> } }>(
      'telemetry.ts',
    );
    const { slow } = await chapter.load<{ slow: string[] }>('slow-commands.ts');
    const prometheus = await startPrometheus(`127.0.0.1:${metricsPort}`);
    class TrafficModule {}
    const session = {
      store: 'redis',
      redis: { url: `redis://127.0.0.1:${redis.port}` },
      keyPrefix: 'traffic:',
      hashIds: false,
      user: (data: { user?: string }) => data.user,
    } as const;
    Module({ imports: [SessionModule.forRoot(session)], controllers: [TrafficController] })(TrafficModule);
    const client = await start('express', TrafficModule);
    const port = portOf(app as unknown as INestApplication);

    const isFull = (query: string): Promise<boolean> => hasResult(prometheus, query);
    const missing = queries();
    const sift = async (): Promise<void> => {
      for (const [name, query] of missing) if (await isFull(query)) missing.delete(name);
    };

    const traffic = async (): Promise<void> => {
      const visitor = new Client(port);
      await visitor.get('/count', { cookie: 'session=no%20id' });
      await visitor.get('/count');
      await visitor.post('/login');
      await visitor.get('/count');
      await visitor.get('/collide');
      await visitor.post('/logout');
    };
    for (let round = 0; round < 3; round++) await traffic();
    const control = new Redis(redis.port);
    await client.get('/count');
    await control.config('SET', 'maxmemory', '1');
    await client.get('/count');
    await control.config('SET', 'maxmemory', '0');
    control.disconnect();
    await redis.stop();
    expect((await client.get('/count')).status).toBe(503);
    await eventually(async () => {
      await client.get('/count');
      await sift();
      expect([...missing.keys()]).toEqual([]);
    });
    expect(slow.every((line) => line.startsWith('redis '))).toBe(true);

    telemetry.stop();
    await telemetry.meterProvider.shutdown();
    await prometheus.stop();
    await redis.restart();
    delete process.env['METRICS_PORT'];
  });

  it('has panels of the kinds that Grafana knows, each with a place of its own', () => {
    const { panels, templating } = JSON.parse(readFileSync(dashboardFile, 'utf8')) as Dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect([...new Set(panels.map(({ type }) => type))].toSorted()).toEqual(['row', 'stat', 'timeseries']);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) => {
      expect(x + w).toBeLessThanOrEqual(24);
      return Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
    expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'job', 'sessions']);
  });
});

/** Whether the query finds something that has every label by which it groups. */
async function hasResult({ address }: ChildServer, query: string): Promise<boolean> {
  const response = await fetch(`http://${address}/api/v1/query?query=${encodeURIComponent(query)}`);
  const answer = (await response.json()) as { status: string; error?: string; data?: { result: Series[] } };
  if (answer.status !== 'success') throw new Error(`${query}: ${answer.error}`);
  const labels = [...query.matchAll(/ by \(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(', '));
  const result = answer.data?.result ?? [];
  return result.some(({ metric }) => labels.every((label) => label === 'le' || label in metric));
}

interface Series {
  readonly metric: Readonly<Record<string, string>>;
}
