/** @typedef {{ n?: number, items?: readonly object[], note?: string }} Data What every application keeps for a visitor. */

/** The secret of every application that signs its cookie. */
export const SECRET = 'a secret of at least thirty-two characters';
/** How long a session lives, in seconds. */
export const LIFETIME = 14 * 24 * 3600;

/**
 * A cart whose JSON has that many bytes: small objects, and a text for the rest.
 * @param {number} bytes at least 40.
 * @returns {Required<Data>}
 */
export function dataOf(bytes) {
  const empty = JSON.stringify({ n: 0, items: [], note: '' }).length;
  const items = [];
  let left = bytes - empty;
  for (let at = 0; ; at++) {
    const item = { sku: `SKU-${at}`, title: `A product, number ${at}`, n: at };
    const size = JSON.stringify(item).length + 1;
    if (size > left) break;
    items.push(item);
    left -= size;
  }
  // The first item has no comma before it.
  return { n: 0, items, note: 'x'.repeat(left + Math.sign(items.length)) };
}
