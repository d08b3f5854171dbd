import type { Attributes } from '@opentelemetry/api';

import type { StoreCommandMeasurement } from '../engine/measurements.js';

/** The names of the semantic conventions: https://opentelemetry.io/docs/specs/semconv/registry/attributes/db/#db-system-name */
const SYSTEMS: Readonly<Record<string, string>> = {
  postgres: 'postgresql',
  mongo: 'mongodb',
  datastore: 'gcp.datastore',
};

/** As https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/ wants it, where nothing better is known. */
const OTHER_ERROR = '_OTHER';

export const OUTCOME = 'nest_session.outcome';
export const REASON = 'nest_session.reason';

/** Says which SessionModule it is. */
export function ofModule({ sessions }: { readonly sessions: string }, more: Attributes = {}): Attributes {
  return { 'nest_session.name': sessions, ...more };
}

export function ofCommand(command: StoreCommandMeasurement): Attributes {
  const { store, verb, outcome, reason } = command;
  const isError = outcome === 'failed' || outcome === 'refused';
  return ofModule(command, {
    'db.system.name': SYSTEMS[store] ?? store,
    'db.operation.name': verb,
    ...(isError && errorType(reason)),
  });
}

export function errorType(reason: string | undefined): Attributes {
  return { 'error.type': reason ?? OTHER_ERROR };
}
