/** How many values of one name are looked at: each costs a signature for each secret, and a header has room for hundreds. */
const MOST_VALUES = 16;

/**
 * The values that the `Cookie` header has under exactly this name, in its order and each once, because a browser sends one for
 * each path and domain (RFC 6265 section 5.4); at most {@link MOST_VALUES} of them. Values are unquoted and unescaped; what cannot
 * be unescaped stays as it is. Never throws, and takes time in proportion to the header's length.
 */
export function cookieValues(header: string | undefined, name: string): string[] {
  if (header === undefined || !header.includes(name)) return [];
  const values: string[] = [];
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=');
    if (equals === -1 || trimBlanks(pair.slice(0, equals)) !== name) continue;
    const value = decode(pair.slice(equals + 1));
    if (!values.includes(value)) values.push(value);
    if (values.length === MOST_VALUES) break;
  }
  return values;
}

function decode(text: string): string {
  const value = unquote(trimBlanks(text));
  if (!value.includes('%')) return value;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function unquote(value: string): string {
  return value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
}

/**
 * Blanks and tabs only. `String.trim` also takes U+00A0 and its kin, which are part of the name to a browser: a name
 * such as `\u00a0__Host-session` escapes the browser's rules for the prefix and must not pass for ours.
 */
function trimBlanks(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
