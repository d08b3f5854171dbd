import { connect, type Socket } from 'node:net';

/** An answer, or what there was of it when the server closed the connection. */
export interface WireAnswer {
  /** 0: the server said nothing that is HTTP. */
  readonly status: number;
  readonly setCookie: readonly string[];
  /** Head and body, in latin1. */
  readonly text: string;
}

/** One keep-alive connection, over which any bytes can be sent; opened anew after the server has closed it. */
export class KeptConnection {
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(port: number) {
    this.#port = port;
  }

  /** @param head in latin1, with the empty line that ends it. */
  async exchange(head: string): Promise<WireAnswer> {
    const socket = (this.#socket ??= connect(this.#port, '127.0.0.1'));
    let text = '';
    const answer = new Promise<WireAnswer>((resolve, reject) => {
      socket.on('error', reject).on('close', () => resolve(parsed(text)));
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
        if (isWhole(text)) resolve(parsed(text));
      });
    });
    socket.write(head, 'latin1');
    try {
      return await answer;
    } finally {
      socket.removeAllListeners('data').removeAllListeners('close').removeAllListeners('error');
      socket.on('error', () => undefined);
      // Of requests that Node refuses it ends the connection, and Fastify does not say so.
      if (/^HTTP\/1\.1 (?:400|431) |^connection: close/im.test(text) || !isWhole(text)) this.close();
    }
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const head = text.slice(0, end);
  const length = /^content-length: (\d+)/im.exec(head)?.[1];
  if (length !== undefined) return text.length >= end + 4 + Number(length);
  return /^transfer-encoding: chunked/im.test(head) && text.endsWith('\r\n0\r\n\r\n');
}

function parsed(text: string): WireAnswer {
  const [head = ''] = text.split('\r\n\r\n', 1);
  return {
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(text)?.[1] ?? 0),
    setCookie: head
      .split('\r\n')
      .filter((line) => /^set-cookie: /i.test(line))
      .map((line) => line.slice('set-cookie: '.length)),
    text,
  };
}
