/**
 * A table whose first columns are text, and whose others are figures.
 * @param {readonly string[]} headings
 * @param {readonly (readonly string[])[]} rows
 * @param {number} [texts] how many columns are text.
 */
export function table(headings, rows, texts = 1) {
  const rule = headings.map((_, at) => (at < texts ? '---' : '--:'));
  return [headings, rule, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
