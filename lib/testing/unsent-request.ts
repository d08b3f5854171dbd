import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';

/** What there is to know of a request that is never sent. */
export interface UnsentRequest {
  readonly url: URL;
  /** The client's address. */
  readonly address: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Node's own request, with what Express or Fastify would find out about it, on a socket that never connects. */
export function unsentRequest({ url, address, headers = {} }: UnsentRequest): IncomingMessage {
  const isSecure = url.protocol === 'https:';
  const socket = new Socket();
  Object.defineProperties(socket, { remoteAddress: { value: address }, encrypted: { value: isSecure } });
  const request = new IncomingMessage(socket);
  request.method = 'POST';
  request.url = url.pathname + url.search;
  request.headers = { host: url.host };
  for (const [name, value] of Object.entries(headers)) request.headers[name.toLowerCase()] = value;
  return Object.assign(request, { ip: address, protocol: isSecure ? 'https' : 'http' });
}
