import type { ServerResponse } from 'node:http';

import type { SignalScope } from '../engine/signal-scope.js';
import type { NodeRequest } from './any-request.js';

/** The signal of a request watches until its response has closed: it was sent, or the client has left. */
export function responseScope(response: ServerResponse): SignalScope {
  return {
    owner: response,
    get isClosed() {
      // The response of HTTP/2 has no `closed`.
      return response.closed ?? response.destroyed;
    },
    onClose: (listener) => void response.once('close', listener),
  };
}

/**
 * The signal of a message watches until the connection of its WebSocket has closed. The socket of another handshake, such as a
 * polling one, closes long before the connection that it begins: then the signal watches until the session ends.
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
