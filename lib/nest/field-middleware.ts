import { RequestSlot, type SessionPlace } from '../http/request-slot.js';
import { sessionsOfApplication } from './application-sessions.js';
import { enterEach } from './current-place.js';
import { placeOfField, type FieldCall } from './session-place.js';

type NextResolver = () => Promise<unknown>;

/**
 * Saves what the resolver of a field has changed where no response hook does, as in the events of a subscription. Over HTTP the hook
 * saves once for all fields. For the resolvers of fields, Nest always runs middleware, but interceptors only with
 * `fieldResolverEnhancers`.
 */
export async function saveAfterField(call: FieldCall, next: NextResolver): Promise<unknown> {
  const place = placeOfField(call);
  if (place === undefined) return next();
  const currents = sessionsOfApplication(place.request).map(({ current }) => current);
  let value: unknown;
  try {
    // The event is the current place of its resolver.
    value = await enterEach(currents, place, next);
  } catch (error) {
    await slotToSave(place)?.commitAfterError(error);
    throw error;
  }
  await slotToSave(place)?.settle();
  return value;
}

/** The slot that no hook will save: that of a message, and that of a request for which a save has failed. */
function slotToSave(place: SessionPlace): RequestSlot | undefined {
  const slot = RequestSlot.find(place);
  return slot !== undefined && (slot.isMessage || slot.hasFailed) ? slot : undefined;
}
