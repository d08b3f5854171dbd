import type { ServerResponse } from 'node:http';

import { forbidSharedStorageIn } from './cache-control.js';

/** The private part of Node that is leaned on here, and nowhere else: the text of a head that is formed and not yet sent. */
interface NodeInternals {
  _header?: string | null;
  _headerSent?: boolean;
}

/** The Set-Cookie lines in the head of a response, before and after Node has made a text of it. */
export class FormedHead {
  readonly #response: ServerResponse;
  #lines: readonly string[] = [];

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Puts these lines beside the application's own, before the head is formed. */
  addCookies(lines: readonly string[]): void {
    this.#lines = lines;
    for (const line of lines) appendCookie(this.#response, line);
  }

  /** What stood before the response hook, such as a compressor, may have set a header after us, just as the head was formed. */
  keepFromSharedCaches(): void {
    const { _header: head, _headerSent: isSent } = this.#internals;
    if (this.#lines.length > 0 && typeof head === 'string' && isSent !== true) {
      this.#internals._header = forbidSharedStorageIn(head);
    }
  }

  /**
   * The lines were written as the head was formed; if the save then found that the session had ended, they must not leave. Nothing
   * has sent the formed head yet. HTTP/2 has none: there the head leaves at once.
   */
  correctCookies(lines: readonly string[]): void {
    const internals = this.#internals;
    const isRight = lines.join() === this.#lines.join();
    if (isRight || typeof internals._header !== 'string' || internals._headerSent === true) return;
    let head = internals._header;
    for (const line of this.#lines) head = head.replace(headerOf(line), '');
    if (lines.length > 0) head = forbidSharedStorageIn(head);
    for (const line of lines) head = head.replace(/\r\n\r\n$/, () => `\r\n${headerOf(line)}\r\n`);
    internals._header = head;
    this.#lines = lines;
  }

  get #internals(): NodeInternals {
    return this.#response as unknown as NodeInternals;
  }
}

function headerOf(line: string): string {
  return `Set-Cookie: ${line}\r\n`;
}

function appendCookie(response: ServerResponse, line: string): void {
  const present = response.getHeader('set-cookie');
  if (present === undefined) response.setHeader('Set-Cookie', line);
  else response.setHeader('Set-Cookie', [...(Array.isArray(present) ? present : [String(present)]), line]);
}
