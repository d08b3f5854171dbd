import type { ServerResponse } from 'node:http';

import type { SignalScope } from '../engine/signal-scope.js';
import type { NodeRequest } from './any-request.js';

/** The connection that messages come on: a `WebSocket` of ws, or the connection below a `Socket` of socket.io. */
export interface MessageConnection {
  /** `3` or `'closed'` once it has closed. */
  readonly readyState: number | string;
  once(event: 'close', listener: () => void): unknown;
}

/** A response of HTTP/2, which has no `closed`. */
interface Http2Response {
  readonly closed: boolean;
  readonly stream?: { readonly destroyed: boolean };
}

/** The signal of a request watches until its response has closed: it was sent, or the client has left. */
export function responseScope(response: ServerResponse): SignalScope {
  return {
    owner: response,
    get isClosed() {
      return (response as Http2Response).stream?.destroyed ?? response.closed;
    },
    onClose: (listener) => void response.once('close', listener),
  };
}

/** The signal of a message watches until its connection has closed. */
export function connectionScope(connection: MessageConnection): SignalScope {
  return {
    owner: connection,
    get isClosed() {
      return connection.readyState === 3 || connection.readyState === 'closed';
    },
    onClose: (listener) => void connection.once('close', listener),
  };
}

/**
 * The same where only the handshake is known. The socket of a WebSocket's handshake is the connection. That of another one, such as
 * a polling one, closes long before the connection that it begins: then the signal watches until the session ends.
 */
export function handshakeScope(request: NodeRequest): SignalScope {
  const { socket, headers } = request;
  if (headers.upgrade === undefined) return { owner: request, isClosed: false, onClose: () => {} };
  return {
    owner: socket,
    get isClosed() {
      return socket.destroyed;
    },
    onClose: (listener) => void socket.once('close', listener),
  };
}
