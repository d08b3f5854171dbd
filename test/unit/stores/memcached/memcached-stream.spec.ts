import * as fc from 'fast-check';
import Memcached from 'memcached';
import { describe, expect, it } from 'vitest';
import { keepExact } from '../../../../lib/stores/memcached/memcached-driver.js';
import type { DriverQuery, DriverSocket, MemcachedDriver } from '../../../../lib/stores/memcached/memcached-client.js';

/** The driver as far as a test feeds it by hand: what a socket has decoded goes in at `buffer`. */
type FedDriver = MemcachedDriver & { buffer(socket: DriverSocket, chunk: string): void };

const idleSocket = (): DriverSocket => ({
  setEncoding: () => {},
  destroy: () => {},
  serverAddress: '127.0.0.1:1',
  responseBuffer: '',
  bufferArray: [],
  metaData: [],
});

const forged = 'END\r\nVALUE key:1 0 1 1\r\nx\r\nEND\r\n';
const piece = fc.oneof(fc.uint8Array({ maxLength: 30 }), fc.constantFrom('\r\n', '\r', forged, 'é').map(Buffer.from));
const value = fc.array(piece, { maxLength: 6 }).map((pieces) => Buffer.concat(pieces));

describe('The answers of Memcached', () => {
  it('reach their own commands, whatever bytes they hold and wherever the network cuts them', () => {
    const cuts = fc.infiniteStream(fc.integer({ min: 1, max: 60 }));
    fc.assert(
      fc.property(fc.array(fc.option(value), { maxLength: 12 }), cuts, (values, lengths) => {
        const client = new Memcached('127.0.0.1:1') as unknown as FedDriver;
        const socket = idleSocket();
        client.connections[socket.serverAddress] = { pool: [socket], remove: () => {} };
        keepExact(client);
        const found: unknown[] = [];
        const answers = values.map((bytes, index) => {
          const key = `key:${index}`;
          const callback = (error: unknown, item?: Record<string, unknown>): number => found.push(error ?? item?.[key]);
          socket.metaData.push({ type: 'gets', key, command: `gets ${key}`, callback } satisfies DriverQuery);
          const head = bytes && Buffer.from(`VALUE ${key} 0 ${bytes.length} 1\r\n`);
          return Buffer.concat(head ? [head, bytes, Buffer.from('\r\nEND\r\n')] : [Buffer.from('END\r\n')]);
        });
        let stream = Buffer.concat(answers).toString('latin1');
        for (const length of lengths) {
          if (stream === '') break;
          client.buffer(socket, stream.slice(0, length));
          stream = stream.slice(length);
        }
        expect(found).toEqual(values.map((bytes) => bytes?.toString()));
        expect(socket.metaData).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});
