/** Most values of one name that are returned: each costs a signature per secret, and a header has room for hundreds. */
const MAX_VALUES = 16;

/**
 * The values that the `Cookie` header has under exactly this name, in its order and each once; at most {@link MAX_VALUES}. There
 * may be several, because a browser sends one per path and domain (RFC 6265 section 5.4). Values are unquoted and unescaped; a
 * value with a malformed escape stays as it is. Never throws, and takes time in proportion to the header's length.
 */
export function cookieValues(header: string | undefined, name: string): string[] {
  if (header === undefined || !header.includes(name)) return [];
  const values: string[] = [];
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals === -1 || trimBlanks(pair.slice(0, equals)) !== name) continue;
    const value = decode(trimBlanks(pair.slice(equals + 1)));
    if (!values.includes(value)) values.push(value);
    if (values.length === MAX_VALUES) break;
  }
  return values;
}

function decode(text: string): string {
  const isQuoted = text.length > 1 && text.startsWith('"') && text.endsWith('"');
  const value = isQuoted ? text.slice(1, -1) : text;
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

/**
 * Removes spaces and tabs at both ends, and nothing else. `String.trim` also removes U+00A0 and other Unicode blanks, which a browser
 * takes for part of the name: a cookie named `\u00a0__Host-session` escapes the browser's rules for the prefix, and must not pass
 * for ours.
 */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (text[start] === ' ' || text[start] === '\t') start++;
  while (end > start && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--;
  return text.slice(start, end);
}
