/**
 * What this floor reads of the request that Node itself made (`http`, `https`, `http2`, a WebSocket handshake), and of the
 * imitation that `inject()` makes. A closed connection has lost its address, and a fake may have no socket at all.
 */
export interface RawRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly socket?: {
    readonly remoteAddress?: string | undefined;
    /** `true` on a TLS socket, and on no other. */
    readonly encrypted?: boolean | undefined;
  } | null;
}
