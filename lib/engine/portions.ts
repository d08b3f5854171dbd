/** How many records of a list are read or ended at the same time. All at once would fill the store's connection, and delay the requests. */
export const PORTION = 64;

/** Works on all items, so many of them at a time. */
export async function inPortions<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += PORTION) {
    results.push(...(await Promise.all(items.slice(start, start + PORTION).map(work))));
  }
  return results;
}
