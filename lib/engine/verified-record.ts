import type { ReadRecord } from '../session/session-record.js';
import type { SessionContext } from './session-context.js';
import type { FoundRecord } from './session-records.js';

/** The same, or `'unlisted'`: it was in no list, and its record has gone now. */
export type CheckedRecord = FoundRecord | 'unlisted';

/**
 * What is left of a record after a look into the list of its user (`verify: 'read'`). A session that is not in it is over, and its
 * record goes. One that says of no list that it is in it stays: another program has written it, or it is from before the option `user`.
 * One whose list cannot be read opens nothing, and stays.
 */
export async function verifiedRecord(
  { records, directory }: SessionContext,
  id: string,
  record: ReadRecord,
): Promise<CheckedRecord> {
  const name = records.nameOf(id);
  let checked: ReadRecord = record;
  for (;;) {
    const user = checked.meta.listing?.user;
    const isHeld = user === undefined || (await directory?.index.holds(user, name));
    if (isHeld === 'unreadable') return isHeld;
    if (isHeld) return checked;
    // Nothing else has written the record since it was read, so its user has not changed meanwhile.
    const outcome = await records.retire(id, checked.version, { removal: 'delete', reason: 'destroyed' });
    if (outcome !== 'conflict') return outcome === 'replaced' ? 'unlisted' : undefined;
    const found = await records.read(id);
    if (typeof found !== 'object') return found;
    checked = found;
  }
}
