import type { ServerResponse } from 'node:http';

import { forbidSharedStorageIn } from './cache-control.js';
import type { HeadHeaders } from './head-headers.js';

/** The private part of Node that this file alone relies on: a head that is formed and not yet sent. */
interface NodeInternals {
  /** Its text. */
  _header?: string | null;
  _headerSent?: boolean;
  /** What the head says of the body, in this case that none follows. */
  _hasBody?: boolean;
  chunkedEncoding: boolean;
}

/** The Set-Cookie lines in the head of a response, before and after Node has made a text of it. */
export class FormedHead {
  readonly #response: ServerResponse;
  #lines: readonly string[] = [];

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Adds these lines to the application's own, before the head is formed. */
  addCookies(headers: HeadHeaders, lines: readonly string[]): void {
    this.#lines = lines;
    for (const line of lines) appendCookie(headers, line);
  }

  /**
   * If the head has our cookies, forbids shared caches to store it once more: a hook that was installed before ours, such as a
   * compressor's, may have set a header as the head was formed.
   */
  keepFromSharedCaches(): void {
    const { _header: head, _headerSent: isSent } = this.#internals;
    if (this.#lines.length > 0 && typeof head === 'string' && isSent !== true) {
      this.#internals._header = forbidSharedStorageIn(head);
    }
  }

  /**
   * Replaces the lines in the formed head, which has not been sent yet. They were written as the head was formed, and must not
   * leave if the save then found that the session had ended. HTTP/2 has no such text: there the head leaves at once.
   */
  correctCookies(lines: readonly string[]): void {
    const internals = this.#internals;
    const isRight = lines.join() === this.#lines.join();
    if (isRight || typeof internals._header !== 'string' || internals._headerSent === true) return;
    let head = internals._header;
    for (const line of this.#lines) head = withoutCookie(head, line);
    if (lines.length > 0) head = forbidSharedStorageIn(head);
    for (const line of lines) head = head.replace(/\r\n\r\n$/, () => `\r\n${headerOf(line)}\r\n`);
    internals._header = head;
    this.#lines = lines;
  }

  /**
   * Takes the formed head back, with our cookies, so that another one can be formed. To be called only if nothing has been sent.
   * @returns `false` when it cannot be taken back: on HTTP/2 it has left already.
   */
  retract(): boolean {
    const response = this.#response;
    const internals = this.#internals;
    if (typeof internals._header !== 'string') return false;
    internals._header = null;
    internals.chunkedEncoding = false;
    internals._hasBody = response.req?.method !== 'HEAD';
    removeCookies(response, this.#lines);
    return true;
  }

  get #internals(): NodeInternals {
    return this.#response;
  }
}

/** Without the line. Its name is in lower case where the head's headers were passed to `writeHead` in that way. */
function withoutCookie(head: string, line: string): string {
  const header = headerOf(line);
  return head.replace(head.includes(header) ? header : `s${header.slice(1).replace('Cookie', 'cookie')}`, '');
}

function headerOf(line: string): string {
  return `Set-Cookie: ${line}\r\n`;
}

function appendCookie(headers: HeadHeaders, line: string): void {
  const present = headers.getHeader('set-cookie');
  if (present === undefined) headers.setHeader('Set-Cookie', line);
  else headers.setHeader('Set-Cookie', [...(Array.isArray(present) ? present : [String(present)]), line]);
}

function removeCookies(response: ServerResponse, lines: readonly string[]): void {
  const present = response.getHeader('set-cookie');
  const others = Array.isArray(present) ? present.filter((line) => !lines.includes(line)) : [];
  if (others.length > 0) response.setHeader('Set-Cookie', others);
  else if (lines.length > 0) response.removeHeader('Set-Cookie');
}
