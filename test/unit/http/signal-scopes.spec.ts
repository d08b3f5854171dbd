import { EventEmitter, once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { connect, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import type { NodeRequest } from '../../../lib/http/any-request.js';
import { connectionScope, handshakeScope, responseScope } from '../../../lib/http/signal-scopes.js';

let server: Server;

afterEach(() => void server?.close());

type Serve = (listener: (request: unknown, response: ServerResponse) => void) => Server;

/** The response to one request, from its beginning to its end. */
async function responseOf(serve: Serve): Promise<{ response: ServerResponse; ended: Promise<unknown> }> {
  const arrived = new Promise<ServerResponse>((resolve) => {
    server = serve((_request, response) => resolve(response));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  if (serve === http1) return { ended: fetch(url).then((answer) => answer.text()), response: await arrived };
  const browser = connect(url);
  const request = browser.request();
  request.resume();
  return { ended: once(request, 'close').then(() => browser.close()), response: await arrived };
}

const http1: Serve = (listener) => createServer((request, response) => listener(request, response));
const http2: Serve = (listener) =>
  createHttp2Server((request, response) => listener(request, response as unknown as ServerResponse));

describe.each([
  ['HTTP/1.1', http1],
  ['HTTP/2', http2],
])('the scope of a response of %s', (_version, serve) => {
  it('is open until the response was sent, and tells when', async () => {
    const { response, ended } = await responseOf(serve);
    const scope = responseScope(response);
    const closed = new Promise<void>((resolve) => scope.onClose(resolve));
    response.write('half');
    expect([scope.isClosed, scope.owner]).toEqual([false, response]);
    response.end();
    await closed;
    expect(scope.isClosed).toBe(true);
    await ended;
  });
});

describe('the scope of a message', () => {
  const handshake = (headers: object, socket = new EventEmitter()): NodeRequest =>
    ({ headers, socket: Object.assign(socket, { destroyed: false }) }) as unknown as NodeRequest;

  it('is the socket of its WebSocket', () => {
    const request = handshake({ upgrade: 'websocket' });
    const scope = handshakeScope(request);
    let told = 0;
    scope.onClose(() => told++);
    expect([scope.owner, scope.isClosed]).toEqual([request.socket, false]);
    Object.assign(request.socket, { destroyed: true }).emit('close');
    expect([told, scope.isClosed]).toEqual([1, true]);
  });

  it('never ends with the socket of a polling handshake', () => {
    const request = handshake({});
    const scope = handshakeScope(request);
    let told = 0;
    scope.onClose(() => told++);
    request.socket.emit('close', false);
    expect([told, scope.isClosed, scope.owner]).toEqual([0, false, request]);
  });

  it.each([
    [1, 3],
    ['open', 'closed'],
  ])('is the connection that the gateway names: %s, %s', (open, closed) => {
    const connection = Object.assign(new EventEmitter(), { readyState: open });
    const scope = connectionScope(connection);
    let told = 0;
    scope.onClose(() => told++);
    expect([scope.owner, scope.isClosed]).toEqual([connection, false]);
    connection.readyState = closed;
    connection.emit('close');
    expect([told, scope.isClosed]).toEqual([1, true]);
  });
});
