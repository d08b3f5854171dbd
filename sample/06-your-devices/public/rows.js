/**
 * A list whose rows stay where they are while what they show changes, so that no focus is lost.
 * @param list the element of the list.
 * @param template what a row is made from.
 * @param show fills a row in.
 */
export function rowsOf(list, template, show) {
  const rows = new Map();
  return (items, keyOf) => {
    const keys = new Set(items.map(keyOf));
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      row.remove();
      rows.delete(key);
    }
    items.forEach((item, index) => {
      const key = keyOf(item);
      const row = rows.get(key) ?? template.content.firstElementChild.cloneNode(true);
      rows.set(key, row);
      show(row, item);
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    });
  };
}
