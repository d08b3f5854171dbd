/** What both charts are drawn with. The colours change with the reader's light or dark scheme, and nothing is painted behind. */
const STYLE = `
    text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328; }
    .title { font-weight: 600; font-size: 15px; }
    .quiet { fill: #59636e; }
    .small { font-size: 12px; }
    .strong { font-weight: 600; }
    .end { text-anchor: end; }
    .middle { text-anchor: middle; }
    .rule { stroke: #d1d9e0; stroke-width: 1; }
    .floor { stroke: #59636e; stroke-width: 1.5; }
    .ours { fill: #0969da; } .peer { fill: #afb8c1; }
    .line { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round; }
    .line-ours { stroke: #0969da; } .line-peer { stroke: #8c959f; } .line-handwritten { stroke: #1f2328; stroke-dasharray: 2 5; }
    .dot-ours { fill: #0969da; } .dot-peer { fill: #8c959f; } .dot-handwritten { fill: #1f2328; }
    .label-ours { fill: #0969da; font-weight: 600; } .label-peer { fill: #59636e; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .quiet { fill: #9198a1; }
      .rule { stroke: #3d444d; }
      .floor { stroke: #9198a1; }
      .ours { fill: #4493f8; } .peer { fill: #656c76; }
      .line-ours { stroke: #4493f8; } .line-peer { stroke: #9198a1; } .line-handwritten { stroke: #f0f6fc; }
      .dot-ours { fill: #4493f8; } .dot-peer { fill: #9198a1; } .dot-handwritten { fill: #f0f6fc; }
      .label-ours { fill: #4493f8; } .label-peer { fill: #9198a1; }
    }
  `;

export const WIDTH = 840;

/**
 * @param {{ title: string, description: string, height: number }} about
 * @param {readonly string[]} parts
 */
export function drawing({ title, description, height }, parts) {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="title description">
  <title id="title">${escaped(title)}</title>
  <desc id="description">${escaped(description)}</desc>
  <style>${STYLE}</style>
  ${parts.join('\n  ')}
</svg>
`;
}

/**
 * @param {{ x: number, y: number, style?: string }} place of the text's beginning on its base line.
 * @param {string} words
 */
export function text({ x, y, style = '' }, words) {
  return `<text x="${round(x)}" y="${round(y)}"${style && ` class="${style}"`}>${escaped(words)}</text>`;
}

/**
 * @param {readonly [number, number]} from
 * @param {readonly [number, number]} to
 * @param {string} style
 */
export function rule(from, to, style = 'rule') {
  const [x1, y1, x2, y2] = [...from, ...to].map(round);
  return `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" class="${style}"/>`;
}

/** @param {number} value */
export function round(value) {
  return Math.round(value * 10) / 10;
}

/** @param {string} words */
function escaped(words) {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
