import { RequestSlot } from '../http/request-slot.js';
import { sessionsOf } from './application-sessions.js';
import { placeOfField, type FieldCall } from './session-place.js';

/**
 * Saves what the resolver of a field has changed where no response hook does, as in the events of a subscription. Over HTTP the hook
 * saves once for all fields. For the resolvers of fields, Nest always runs middleware, but interceptors only with
 * `fieldResolverEnhancers`.
 *
 * It also makes the execution the current place of the resolver, with `context: true`: that of an event runs in no request.
 */
export async function saveAfterField(call: FieldCall, next: () => Promise<unknown>): Promise<unknown> {
  let value: unknown;
  try {
    value = await inPlace(call, next);
  } catch (error) {
    await slotToSave(call)?.commitAfterError(error);
    throw error;
  }
  await slotToSave(call)?.settle();
  return value;
}

/** The slot that no hook will save: that of a message, and that of a request for which a save has failed. */
function slotToSave(call: FieldCall): RequestSlot | undefined {
  const place = placeOfField(call);
  const slot = place && RequestSlot.find(place);
  return slot !== undefined && (slot.isMessage || slot.hasFailed) ? slot : undefined;
}

function inPlace(call: FieldCall, next: () => Promise<unknown>): Promise<unknown> {
  const place = placeOfField(call);
  const services = place && sessionsOf(place.request);
  if (place === undefined || services === undefined) return next();
  return [...services.values()].reduce((run, service) => () => service.runAt(place, run), next)();
}
