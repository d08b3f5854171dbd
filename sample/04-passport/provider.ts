import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

import { link, page } from './page.js';

const style = readFileSync(new URL('public/style.css', import.meta.url));

/** Who a code or a token is for. It is good for one use. */
const granted = new Map<string, string>();

/**
 * A provider as small as one can be, for this sample alone: it signs everybody in as whom they say they are.
 * @returns its address.
 */
export async function startProvider(port: number): Promise<string> {
  const server = createServer((request, response) => void respond(request, response));
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://provider');
  switch (pathname) {
    case '/authorize':
      return askWho(searchParams, response);
    case '/token':
      return sendToken(new URLSearchParams(await text(request)), response);
    case '/userinfo':
      return sendJson(response, { sub: granted.get(request.headers.authorization?.replace('Bearer ', '') ?? '') });
    case '/public/style.css':
      response.writeHead(200, { 'content-type': 'text/css' }).end(style);
      return;
    default:
      response.writeHead(404).end();
  }
}

function askWho(asked: URLSearchParams, response: ServerResponse): void {
  const back = new URL(asked.get('redirect_uri') ?? 'about:blank');
  if (back.protocol !== 'http:' || back.pathname !== '/log-in/callback') {
    response.writeHead(400).end('This provider knows the shop alone.');
    return;
  }
  back.searchParams.set('state', asked.get('state') ?? '');
  const choice = (answer: Readonly<Record<string, string>>, label: string): string =>
    link(`${back.href.replaceAll('&', '&amp;')}&amp;${new URLSearchParams(answer).toString()}`, label);
  const body = `<p>The shop would like to know who you are.</p>
    <div class="actions">
      ${choice({ code: grant('ada') }, 'Ada Lovelace')}
      ${choice({ code: grant('grace') }, 'Grace Hopper')}
      ${choice({ error: 'access_denied' }, 'I won’t say')}
    </div>`;
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page('The provider', body));
}

function sendToken(asked: URLSearchParams, response: ServerResponse): void {
  const code = asked.get('code') ?? '';
  const user = granted.get(code);
  granted.delete(code);
  if (user === undefined) response.writeHead(400).end('{"error":"invalid_grant"}');
  else sendJson(response, { access_token: grant(user), token_type: 'Bearer' });
}

function sendJson(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function grant(user: string): string {
  const code = randomUUID();
  granted.set(code, user);
  return code;
}
