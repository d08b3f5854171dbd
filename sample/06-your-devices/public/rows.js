/**
 * A list whose rows stay where they are while what they show changes, so that no focus is lost.
 * @param list the element of the list.
 * @param template what a row is made from.
 * @param options `keyOf` tells which item a row stands for, `show` fills the row in, and `end` is what its button does.
 * @returns shows these items.
 */
export function rowsOf(list, template, { keyOf, show, end }) {
  const rows = new Map();

  function rowOf(item) {
    const row = template.content.firstElementChild.cloneNode(true);
    rows.set(keyOf(item), row);
    row.querySelector('.end').addEventListener('click', () => end(item));
    return row;
  }

  return (items) => {
    const keys = new Set(items.map(keyOf));
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      row.remove();
      rows.delete(key);
    }
    items.forEach((item, index) => {
      const row = rows.get(keyOf(item)) ?? rowOf(item);
      show(row, item);
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    });
  };
}
