import type { Attributes, Histogram, Meter, UpDownCounter } from '@opentelemetry/api';

import { errorType, ofCommand, ofModule, OUTCOME, REASON } from './attributes.js';
import type { ChannelSubscriptions } from './channel-subscriptions.js';

/** Seconds, as https://opentelemetry.io/docs/specs/semconv/database/database-metrics/ advises. */
const BOUNDARIES = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10];

/** Makes the metrics, and counts what the channels carry from here on. */
export function observeMetrics(meter: Meter, subscriptions: ChannelSubscriptions): void {
  observeDurations(meter, subscriptions);
  observeConflicts(meter, subscriptions);
  observeOutages(meter, subscriptions);
  observeActiveOutages(meter, subscriptions);
  observeSessionCounts(meter, subscriptions);
}

function observeDurations(meter: Meter, on: ChannelSubscriptions): void {
  const commands = histogram(meter, 'db.client.operation.duration', 'Duration of database client operations.');
  const opens = histogram(meter, 'nest_session.open.duration', 'Duration of opening the session of a request.');
  const commits = histogram(meter, 'nest_session.commit.duration', 'Duration of saving a session.');
  on.on('store-command', (command) => commands.record(command.duration / 1000, ofCommand(command)));
  on.on('opened', (opened) => opens.record(opened.duration / 1000, ofModule(opened, { [OUTCOME]: opened.outcome })));
  on.on('committed', (saved) => commits.record(saved.duration / 1000, ofModule(saved, { [OUTCOME]: saved.outcome })));
}

function observeConflicts(meter: Meter, on: ChannelSubscriptions): void {
  const conflicts = meter.createCounter('nest_session.conflicts', {
    unit: '{conflict}',
    description: 'Writes that another request was faster with: retried, or given up in the end.',
  });
  on.on('store-command', (command) => {
    if (command.outcome === 'conflict') conflicts.add(1, ofModule(command, { [OUTCOME]: 'retried' }));
  });
  on.on('conflict', (event) => conflicts.add(1, ofModule(event, { [OUTCOME]: 'given_up' })));
}

function observeOutages(meter: Meter, on: ChannelSubscriptions): void {
  const refusals = meter.createCounter('nest_session.store.refusals', {
    unit: '{operation}',
    description: 'Commands that the back-end itself has refused, such as when it is full.',
  });
  const outages = meter.createCounter('nest_session.outages', {
    unit: '{outage}',
    description: 'Times that the store began to fail.',
  });
  on.on('store-command', (command) => {
    if (command.outcome === 'refused') refusals.add(1, ofModule(command, errorType(command.reason)));
  });
  on.on('outage', (event) => outages.add(1, ofModule(event, errorType(event.reason))));
}

function observeActiveOutages(meter: Meter, on: ChannelSubscriptions): void {
  const active = meter.createUpDownCounter('nest_session.outages.active', {
    unit: '{outage}',
    description: 'Outages of the store that go on.',
  });
  // By their beginning, the object: two applications may begin one at the same time. One that began before these subscriptions was not
  // counted, and its end must not be either.
  const counted = new Map<Date, Attributes>();
  const end = (since: Date): void => {
    const attributes = counted.get(since);
    if (counted.delete(since)) active.add(-1, attributes);
  };
  on.on('outage', (event) => {
    active.add(1, ofModule(event));
    counted.set(event.at, ofModule(event));
  });
  on.on('outage-ended', ({ since }) => end(since));
  // Later subscriptions count on from here, and would not see their end.
  on.onEnd(() => [...counted.keys()].forEach(end));
  const show = showZero(active);
  on.on('store-command', ({ sessions }) => show(sessions));
}

/** A metric that nothing was added to is not exported, and an alert on it would see nothing instead of 0. */
function showZero(counter: UpDownCounter): (sessions: string) => void {
  const shown = new Set<string>();
  return (sessions) => {
    if (shown.has(sessions)) return;
    shown.add(sessions);
    counter.add(0, ofModule({ sessions }));
  };
}

function observeSessionCounts(meter: Meter, on: ChannelSubscriptions): void {
  const created = meter.createCounter('nest_session.sessions.created', {
    unit: '{session}',
    description: 'Sessions that were stored for the first time, under a new id.',
  });
  const ended = meter.createCounter('nest_session.sessions.ended', {
    unit: '{session}',
    description: 'Sessions that are over.',
  });
  const signIns = meter.createCounter('nest_session.sign_ins', {
    unit: '{sign_in}',
    description: 'Sign-ins, without those that confirm one.',
  });
  const refused = meter.createCounter('nest_session.cookies.refused', {
    unit: '{cookie}',
    description: 'Cookies that open no session.',
  });
  on.on('created', (event) => created.add(1, ofModule(event)));
  on.on('ended', (event) => ended.add(1, ofModule(event, { [REASON]: event.reason })));
  on.on('signed-in', (event) => {
    if (!event.isConfirmation) signIns.add(1, ofModule(event));
  });
  on.on('refused', (event) => refused.add(1, ofModule(event, { [REASON]: event.reason })));
}

function histogram(meter: Meter, name: string, description: string): Histogram {
  return meter.createHistogram(name, { unit: 's', description, advice: { explicitBucketBoundaries: BOUNDARIES } });
}
