import { metrics, trace, type MeterProvider, type TracerProvider } from '@opentelemetry/api';

import { ChannelSubscriptions } from './channel-subscriptions.js';
import { observeMetrics } from './session-metrics.js';
import { observeSpans } from './session-spans.js';

/** Where the metrics and the spans go. */
export interface ObserveSessionsOptions {
  /** `false`: no metrics. @default the global one, which is the SDK's once the SDK was started */
  readonly meterProvider?: MeterProvider | false;
  /** `false`: no spans. @default the global one */
  readonly tracerProvider?: TracerProvider | false;
}

/** The scope of our metrics and spans. */
const SCOPE = 'nest-session';

/**
 * Turns what all SessionModules of this process publish on `diagnostics_channel` into OpenTelemetry metrics and spans. Call it once,
 * after the SDK was started, or each is counted as often as it was called. `docs/metrics.md` lists what there is.
 *
 * No attribute holds a session id, a handle, a user, a key or a path.
 * @returns a function that ends it.
 */
export function observeSessions({ meterProvider, tracerProvider }: ObserveSessionsOptions = {}): () => void {
  const subscriptions = new ChannelSubscriptions();
  if (meterProvider !== false) {
    observeMetrics((meterProvider ?? metrics.getMeterProvider()).getMeter(SCOPE), subscriptions);
  }
  if (tracerProvider !== false) {
    observeSpans((tracerProvider ?? trace.getTracerProvider()).getTracer(SCOPE), subscriptions);
  }
  return () => subscriptions.end();
}
