import type { AnyRequest } from '../http/any-request.js';
import { isRequest } from '../http/request-slot.js';
import type { MessageConnection } from '../http/signal-scopes.js';
import type { GatewayError } from './gateway-error.js';

const HANDSHAKE = Symbol('nest-session.handshake');

interface HandshakeHolder {
  [HANDSHAKE]?: AnyRequest;
}

/** A `Socket` of socket.io. */
interface SocketIoClient {
  readonly request: AnyRequest;
  readonly conn: MessageConnection & { close(): void };
  emit(event: string, data: unknown): unknown;
  disconnect(close: boolean): unknown;
}

/** A `WebSocket` of ws. */
interface WsClient {
  readonly readyState: number;
  send(text: string): void;
  close(code: number, reason: string): void;
}

const OPEN = 1;

/** A close frame takes this many bytes of UTF-8 (RFC 6455, section 5.5). */
const LONGEST_REASON = 123;

/** The clients that are being closed. */
const CLOSING = new WeakSet<object>();

/** Remembers the request of a connection. The client of socket.io has it as `request`; that of ws has none. */
export function rememberHandshake(client: object, request: unknown): void {
  if (!isRequest(request as AnyRequest | undefined)) return;
  Object.defineProperty(client, HANDSHAKE, { value: request, configurable: true });
}

/** The handshake request of a gateway's client; `undefined` when there is none, or when this is no client. */
export function handshakeOf(client: object): AnyRequest | undefined {
  const { request } = client as Partial<SocketIoClient>;
  return isRequest(request) ? request : (client as HandshakeHolder)[HANDSHAKE];
}

/** The connection below a client of socket.io. That of ws is the socket of its handshake. */
export function connectionOf(client: object): MessageConnection | undefined {
  return (client as Partial<SocketIoClient>).conn;
}

/** Sends an event, as Nest sends its exceptions. Nest 11 sends the clients of ws nothing. */
export function sendEvent(client: object, event: string, data: unknown): void {
  if (!isWs(client)) (client as SocketIoClient).emit(event, data);
  else if (client.readyState === OPEN) client.send(JSON.stringify({ event, data }));
}

/**
 * Closes a connection so that the client can tell why: with a code of its own in ws, after an `exception` event in socket.io.
 * @param reason one word, for ws; the code of the error, or else its message, when there is none.
 */
export function closeClient(client: object, { statusCode, message, details }: GatewayError, reason?: string): void {
  if (CLOSING.has(client)) return;
  CLOSING.add(client);
  if (isWs(client)) return client.close(closeCodeOf(statusCode), closeReasonOf(reason ?? codeIn(details) ?? message));
  const error = { status: 'error', statusCode, message, ...details, ...(reason === undefined ? {} : { reason }) };
  sendEvent(client, 'exception', error);
  const socket = client as SocketIoClient;
  // A client of socket.io stays away once it was told to disconnect; after a lost connection it comes back of its own accord.
  // Its other namespaces close with it, and may have something to say before that.
  queueMicrotask(() => void (statusCode === 503 ? socket.conn.close() : socket.disconnect(true)));
}

/** Codes from 4000 on are the application's own (RFC 6455, section 7.4.2); 1013 is "try again later", 1011 "internal error". */
function closeCodeOf(statusCode: number): number {
  if (statusCode === 503) return 1013;
  return statusCode < 500 ? 4000 + statusCode : 1011;
}

/** The code of a refusal, which a program tells apart better than its message. */
function codeIn(details: GatewayError['details']): string | undefined {
  return typeof details?.['code'] === 'string' ? details['code'] : undefined;
}

/** As much of a text as a close frame takes. */
function closeReasonOf(text: string): string {
  return Buffer.byteLength(text) <= LONGEST_REASON ? text : text.slice(0, Math.floor(LONGEST_REASON / 3));
}

/** Whether a client is that of ws. Both are event emitters, so `emit` does not tell. */
export function isWs(client: object): client is WsClient {
  const { readyState, send } = client as Partial<WsClient>;
  return typeof readyState === 'number' && typeof send === 'function';
}
