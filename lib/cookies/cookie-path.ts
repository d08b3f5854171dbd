/**
 * Whether a browser sends a cookie of this path along with a request for that path (RFC 6265 section 5.1.4): whole
 * segments count, so `/admin` covers `/admin` and `/admin/x` but not `/administrator`. Letters count as they are written.
 */
export function pathMatches(requestedPath: string, cookiePath: string): boolean {
  if (!requestedPath.startsWith(cookiePath)) return false;
  return (
    requestedPath.length === cookiePath.length || cookiePath.endsWith('/') || requestedPath[cookiePath.length] === '/'
  );
}

/**
 * The path of a request's URL as the browser saw it when it chose the cookies: without query and, in absolute form
 * (RFC 9112 section 3.2.2), without scheme and host. `//host/x` is a path. Escapes such as `%61` stay, because a browser
 * compares them as they are. What has no path, such as `*`, counts as `/`.
 */
export function requestPath(url: string): string {
  const path = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '').replace(/[?#].*$/s, '');
  return path.startsWith('/') ? path : '/';
}
