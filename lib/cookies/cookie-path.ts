/**
 * Whether a browser sends a cookie with this path along with a request for that path (RFC 6265 section 5.1.4). Whole segments
 * count: `/admin` covers `/admin` and `/admin/x` but not `/administrator`. Upper and lower case differ.
 */
export function pathMatches(requestedPath: string, cookiePath: string): boolean {
  if (!requestedPath.startsWith(cookiePath)) return false;
  return (
    requestedPath.length === cookiePath.length || cookiePath.endsWith('/') || requestedPath[cookiePath.length] === '/'
  );
}

/**
 * The path of a request's URL as the browser saw it when it chose the cookies: without the query and, in absolute form
 * (RFC 9112 section 3.2.2), without scheme and host. `//host/x` is a path. Escapes such as `%61` stay, because a browser
 * compares them as they are. A URL without a path, such as `*`, counts as `/`.
 */
export function requestPath(url: string): string {
  const path = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '');
  return path.startsWith('/') ? path : '/';
}
