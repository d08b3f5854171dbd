import { STATUS_CODES, type ServerResponse } from 'node:http';

import { SessionError } from '../session.errors.js';
import { forbidSharedStorage } from './cache-control.js';
import { announceOutage } from './outage.js';

/** Headers that describe the body of the response that does not leave, or send its client or a proxy elsewhere. */
const OF_THE_BODY = [
  'Accept-Ranges',
  'Content-Digest',
  'Content-Disposition',
  'Content-Encoding',
  'Content-Language',
  'Content-Location',
  'Content-MD5',
  'Content-Range',
  'Digest',
  'ETag',
  'Expires',
  'Last-Modified',
  'Location',
  'Refresh',
  'Repr-Digest',
  'Trailer',
  'Transfer-Encoding',
  'X-Accel-Redirect',
  'X-Sendfile',
];

/** What Nest's own exception filter says of an error that it does not know. */
const UNKNOWN = { statusCode: 500, message: 'Internal server error' };

/** The methods that send a response. */
interface SendingMethods {
  writeHead(this: ServerResponse, status: number, reason?: string): unknown;
  end(this: ServerResponse, body: string): unknown;
}

/**
 * Sends the error of a failed save as the whole response, with the status and the JSON that Nest's own exception filter would send.
 * The application's other headers stay, such as those of CORS.
 * @param plain the methods of the response's class. Those that other libraries have put on this one response, such as a compressor,
 * have begun to work on the body that does not leave.
 */
export function sendErrorResponse(response: ServerResponse, error: unknown, plain: SendingMethods): void {
  const content = contentOf(error);
  const body = JSON.stringify(content);
  for (const name of OF_THE_BODY) response.removeHeader(name);
  response.removeHeader('Cache-Control');
  forbidSharedStorage(response);
  response.setHeader('Content-Type', 'application/json; charset=utf-8');
  response.setHeader('Content-Length', Buffer.byteLength(body));
  announceOutage(response, error);
  plain.writeHead.call(response, content.statusCode, STATUS_CODES[content.statusCode]);
  plain.end.call(response, body);
}

function contentOf(error: unknown): { readonly statusCode: number; readonly message: string } {
  if (!(error instanceof SessionError)) return UNKNOWN;
  const { statusCode, expose, message } = error;
  return { statusCode, message: expose ? message : (STATUS_CODES[statusCode] ?? UNKNOWN.message) };
}
