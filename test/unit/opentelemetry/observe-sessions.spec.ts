import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { observeSessions } from '../../../lib/opentelemetry/observe-sessions.js';
import { SessionAddressError, SessionStoreError } from '../../../lib/index.js';
import { TestEngine } from '../../fixtures/engine.js';
import { SpyStore } from '../../fixtures/spy-store.js';
import { Telemetry, type Point } from '../../fixtures/telemetry.js';

let telemetry: Telemetry;
let stop: () => void;
let store: SpyStore;
let engine: TestEngine;

beforeEach(() => {
  telemetry = new Telemetry();
  stop = observeSessions(telemetry);
  store = new SpyStore();
  engine = new TestEngine(store, { user: (data) => (data as { user?: string }).user });
});

afterEach(async () => {
  vi.useRealTimers();
  stop();
  await telemetry.stop();
});

async function pointsOf(name: string): Promise<readonly Omit<Point, 'name'>[]> {
  return (await telemetry.points()).filter((each) => each.name === name).map(({ name: _name, ...rest }) => rest);
}

class SilentStore extends SpyStore {
  override read(): never {
    throw new SessionStoreError('no answer', { isTimeout: true });
  }

  override create(): never {
    return this.read();
  }
}

/** A metric of the default module, as the semantic conventions name its parts. */
function point(value: number, unit: string, attributes: object = {}): Omit<Point, 'name'> {
  return { value, unit, attributes: { 'nest_session.name': 'default', ...attributes } };
}

describe('the metrics of OpenTelemetry', () => {
  it('count opens and saves by their outcome', async () => {
    const id = await engine.stored({ count: 1 });
    const open = await engine.open(id);
    open.live.count = 2;
    await open.commit();
    await engine.open('no id');
    await engine.open('a'.repeat(32));
    store.failing.add('read');
    await engine.open(id).catch(() => undefined);
    expect(await pointsOf('nest_session.open.duration')).toEqual(
      ['new', 'found', 'malformed', 'unknown', 'failed'].map((outcome) =>
        point(1, 's', { 'nest_session.outcome': outcome }),
      ),
    );
    expect(await pointsOf('nest_session.commit.duration')).toEqual(
      ['created', 'replaced'].map((outcome) => point(1, 's', { 'nest_session.outcome': outcome })),
    );
    expect(await pointsOf('nest_session.cookies.refused')).toEqual(
      ['malformed', 'unknown'].map((reason) => point(1, '{cookie}', { 'nest_session.reason': reason })),
    );
  });

  it('count no open by a client whose address is none, as the store has not failed', async () => {
    const pinned = new TestEngine(store, { pinning: true });
    const address = (): never => {
      throw new SessionAddressError('no address');
    };
    const id = await pinned.stored({ count: 1 });
    await expect(pinned.open(id, { address })).rejects.toBeInstanceOf(SessionAddressError);
    expect(await pointsOf('nest_session.open.duration')).toEqual([point(1, 's', { 'nest_session.outcome': 'new' })]);
  });

  it('time the commands of the store under the names of the semantic conventions', async () => {
    await engine.stored({ count: 1 });
    store.failing.add('read');
    await engine.open('a'.repeat(32)).catch(() => undefined);
    const command = { 'db.system.name': 'SpyStore' };
    const points = await pointsOf('db.client.operation.duration');
    expect(points).toEqual(
      expect.arrayContaining([
        point(1, 's', { ...command, 'db.operation.name': 'create' }),
        point(1, 's', { ...command, 'db.operation.name': 'read', 'error.type': '_OTHER' }),
      ]),
    );
  });

  it('tell an outage while it goes on', async () => {
    await engine.stored({});
    await engine.open('a'.repeat(32));
    expect(await pointsOf('nest_session.outages.active')).toEqual([point(0, '{outage}')]);
    store.failing.add('read');
    for (let at = 0; at < 3; at++) await engine.open('a'.repeat(32)).catch(() => undefined);
    expect(await pointsOf('nest_session.outages.active')).toEqual([point(1, '{outage}')]);
    expect(await pointsOf('nest_session.outages')).toEqual([point(1, '{outage}', { 'error.type': '_OTHER' })]);
  });

  it('tell by the word of the semantic conventions that the store did not answer in time', async () => {
    const silent = new TestEngine(new SilentStore());
    await silent.open('a'.repeat(32)).catch(() => undefined);
    const late = { 'error.type': 'timeout' };
    expect(await pointsOf('nest_session.outages')).toEqual([point(1, '{outage}', late)]);
    expect(await pointsOf('db.client.operation.duration')).toEqual([
      point(1, 's', { 'db.system.name': 'SilentStore', 'db.operation.name': 'read', ...late }),
    ]);
  });

  it('end an outage with the application that has it, and with no other', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    const engines = [1, 2].map(() => new TestEngine(new SilentStore()));
    for (const each of engines) await each.open('a'.repeat(32)).catch(() => undefined);
    vi.useRealTimers();
    const active: unknown[] = [];
    for (const { engine: each } of engines) {
      active.push(...(await pointsOf('nest_session.outages.active')));
      each.trouble.close();
      each.trouble.close();
    }
    active.push(...(await pointsOf('nest_session.outages.active')));
    expect(active).toEqual([2, 1, 0].map((value) => point(value, '{outage}')));
    expect(engines.flatMap(({ warnings }) => warnings).filter((line) => line.includes('again, after'))).toEqual([]);
  });

  it('leave no outage under way where they end', async () => {
    store.failing.add('read');
    await engine.open('a'.repeat(32)).catch(() => undefined);
    stop();
    expect(await pointsOf('nest_session.outages.active')).toEqual([point(0, '{outage}')]);
    stop = observeSessions(telemetry);
    engine.engine.trouble.close();
    expect(await pointsOf('nest_session.outages.active')).toEqual([point(0, '{outage}')]);
  });

  it('count no end of an outage whose beginning they did not see', async () => {
    store.failing.add('read');
    const fail = (): Promise<unknown> => engine.open('a'.repeat(32)).catch(() => undefined);
    const recover = async (): Promise<void> => {
      store.failing.clear();
      vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 1001);
      await engine.open('a'.repeat(32));
      vi.restoreAllMocks();
    };
    stop();
    await fail();
    stop = observeSessions(telemetry);
    await recover();
    expect(await pointsOf('nest_session.outages.active')).toEqual([point(0, '{outage}')]);
    store.failing.add('read');
    await fail();
    expect(await pointsOf('nest_session.outages.active')).toEqual([point(1, '{outage}')]);
    await recover();
    expect(await pointsOf('nest_session.outages.active')).toEqual([point(0, '{outage}')]);
  });

  it('tell the code of a back-end that refuses', async () => {
    class FullStore extends SpyStore {
      override create(): never {
        const cause = Object.assign(new Error('of the driver'), { code: 'ENOSPC' });
        throw new SessionStoreError('full', { cause, isRefusal: true });
      }
    }
    const full = new TestEngine(new FullStore());
    await full.stored({ count: 1 }).catch(() => undefined);
    expect(await pointsOf('nest_session.store.refusals')).toEqual([
      point(1, '{operation}', { 'error.type': 'ENOSPC' }),
    ]);
    expect(await pointsOf('nest_session.outages')).toEqual([]);
  });

  it('count conflicts that were retried', async () => {
    const id = await engine.stored({ count: 1 });
    const gate = store.pause('replace');
    const open = await engine.open(id);
    open.live.count = 2;
    const saving = open.commit();
    await gate.reached;
    const key = store.lastKey;
    await store.inner.set(key, (await store.inner.get(key))?.replace('1', '5') ?? '', 60);
    gate.open();
    await saving;
    expect(await pointsOf('nest_session.conflicts')).toEqual([
      point(1, '{conflict}', { 'nest_session.outcome': 'retried' }),
    ]);
  });

  it('count sessions and sign-ins', async () => {
    const id = await engine.stored({ user: 'ada' });
    await (await engine.open(id)).live.destroy();
    expect(await pointsOf('nest_session.sessions.created')).toEqual([point(1, '{session}')]);
    expect(await pointsOf('nest_session.sign_ins')).toEqual([point(1, '{sign_in}')]);
    expect(await pointsOf('nest_session.sessions.ended')).toEqual([
      point(1, '{session}', { 'nest_session.reason': 'logout' }),
    ]);
  });

  it('end when they are told to', async () => {
    stop();
    await engine.stored({ count: 1 });
    expect(await telemetry.points()).toEqual([]);
  });

  it('hold no id, no key and no user', async () => {
    const id = await engine.stored({ user: 'ada-lovelace' });
    await engine.open(id);
    const said = JSON.stringify([await telemetry.points(), telemetry.spans.getFinishedSpans().map(String)]);
    expect([id, engine.records.nameOf(id), 'ada-lovelace'].filter((secret) => said.includes(secret))).toEqual([]);
  });
});

describe('the spans of OpenTelemetry', () => {
  it('are children of the span that is active, and begin when the work did', async () => {
    const tracer = telemetry.tracerProvider.getTracer('application');
    const parent = tracer.startSpan('GET /');
    await context.with(trace.setSpan(context.active(), parent), async () => {
      const open = await engine.open();
      open.live.count = 1;
      store.delay = 20;
      await open.commit();
    });
    parent.end();
    const spans = telemetry.spans.getFinishedSpans();
    expect(spans.map(({ name, attributes }) => [name, attributes])).toEqual([
      ['session.open', { 'nest_session.name': 'default', 'nest_session.outcome': 'new' }],
      ['session.commit', { 'nest_session.name': 'default', 'nest_session.outcome': 'created' }],
      ['GET /', {}],
    ]);
    const { spanId, traceId } = parent.spanContext();
    for (const span of spans.slice(0, 2)) {
      expect(span.parentSpanContext?.spanId).toBe(spanId);
      expect(span.spanContext().traceId).toBe(traceId);
    }
    const [seconds = 0, nanoseconds = 0] = spans[1]?.duration ?? [];
    expect(seconds * 1000 + nanoseconds / 1e6).toBeGreaterThanOrEqual(19);
  });

  it('of an open that fails have the status of an error', async () => {
    store.failing.add('read');
    const parent = telemetry.tracerProvider.getTracer('application').startSpan('GET /');
    await context
      .with(trace.setSpan(context.active(), parent), () => engine.open('a'.repeat(32)))
      .catch(() => undefined);
    const [span] = telemetry.spans.getFinishedSpans();
    expect([span?.name, span?.status.code, span?.attributes['error.type']]).toEqual(['session.open', 2, '_OTHER']);
  });

  it('tell why the store failed', async () => {
    const parent = telemetry.tracerProvider.getTracer('application').startSpan('GET /');
    await context.with(trace.setSpan(context.active(), parent), async () => {
      const silent = new TestEngine(new SilentStore());
      await silent.open('a'.repeat(32)).catch(() => undefined);
      const open = await silent.open();
      open.live.count = 1;
      await open.commit()?.catch(() => undefined);
    });
    const failed = telemetry.spans.getFinishedSpans().filter(({ status }) => status.code === SpanStatusCode.ERROR);
    expect(failed.map(({ name, attributes }) => [name, attributes['error.type']])).toEqual([
      ['session.open', 'timeout'],
      ['session.commit', 'timeout'],
    ]);
  });

  it('are not made where nothing is traced', async () => {
    await engine.stored({ count: 1 });
    expect(telemetry.spans.getFinishedSpans()).toEqual([]);
  });
});
