import { context, SpanStatusCode, trace, type Tracer } from '@opentelemetry/api';

import { errorType, ofModule, OUTCOME } from './attributes.js';
import type { ChannelSubscriptions, Messages } from './channel-subscriptions.js';

/**
 * Makes a span of each opening and save of a session, as a child of the span that is active: a channel calls its subscribers in the
 * context of the request. Where none is active, as where the application does not trace the request, there is none.
 */
export function observeSpans(tracer: Tracer, subscriptions: ChannelSubscriptions): void {
  subscriptions.on('opened', (opened) => endSpan(tracer, 'session.open', opened));
  subscriptions.on('committed', (committed) => endSpan(tracer, 'session.commit', committed));
}

/** Makes the span when it ends: nothing was measured before that where it has no parent. */
function endSpan(tracer: Tracer, name: string, measured: Messages['opened' | 'committed']): void {
  const parent = context.active();
  if (trace.getSpan(parent) === undefined) return;
  const end = Date.now();
  const attributes = ofModule(measured, { [OUTCOME]: measured.outcome });
  const span = tracer.startSpan(name, { startTime: end - measured.duration, attributes }, parent);
  if (measured.outcome === 'failed') {
    span.setAttributes(errorType(measured.reason));
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end(end);
}
