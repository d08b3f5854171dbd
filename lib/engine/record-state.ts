/**
 * Where a session's record stands: `'new'`, not stored yet; `'known'`, stored; `'retired'`, opened under an id that has a
 * tombstone; `'gone'`, destroyed or retired by another request, expired or no longer readable, while this one held it.
 */
export type RecordState = 'new' | 'known' | 'retired' | 'gone';
