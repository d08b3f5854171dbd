import { RequestSlot } from '../http/request-slot.js';
import { currentPlacesFor } from './application-sessions.js';
import { enterEach } from './current-place.js';
import { placeOfField, type FieldCall } from './session-place.js';

/**
 * Saves what the resolver of a field has changed where no response hook does, as in the events of a subscription. Over HTTP the hook
 * saves once for all fields. For the resolvers of fields, Nest always runs middleware, but interceptors only with
 * `fieldResolverEnhancers`.
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

/** Makes the event of a subscription the current place of the resolver too, which runs after that of the operation's own field. */
function inPlace(call: FieldCall, next: () => Promise<unknown>): Promise<unknown> {
  const place = placeOfField(call);
  return place === undefined ? next() : enterEach(currentPlacesFor(place.request), place, next);
}

/** The slot that no hook will save: that of a message, and that of a request for which a save has failed. */
function slotToSave(call: FieldCall): RequestSlot | undefined {
  const place = placeOfField(call);
  const slot = place && RequestSlot.find(place);
  return slot !== undefined && (slot.isMessage || slot.hasFailed) ? slot : undefined;
}
