import { gzipSync } from 'node:zlib';
import * as fc from 'fast-check';
import Memcached from 'memcached';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { MemcachedStore } from '../../lib/stores/memcached/memcached.store.js';
import { MemcachedWire } from '../fixtures/memcached-wire.js';

const leftovers: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of leftovers.splice(0).toReversed()) await end();
});

function clientOfYours(server: string, options: Memcached.options = {}): Memcached {
  const client = new Memcached(server, options);
  leftovers.push(() => client.end());
  return client;
}

type MakeStore = (server: string) => Promise<MemcachedStore>;

const stores: readonly (readonly [string, MakeStore, readAs: (text: string) => string])[] = [
  [
    'a client of its own',
    async (servers) => {
      const store = await MemcachedStore.connect({ servers, poolSize: 2 });
      leftovers.push(() => store.close());
      return store;
    },
    (text) => text,
  ],
  [
    'a client of yours',
    async (server) => new MemcachedStore(clientOfYours(server, { poolSize: 2 })),
    // The driver takes the backslashes away that it puts before line breaks.
    (text) => text.replace(/\\([\r\n])/g, '$1'),
  ],
];

let count = 0;
const newKey = (): string => `memcached-bytes:${process.pid}:${count++}`;

/** Texts in an encoding that is no UTF-8, and lines in it that would be answers to other commands. */
function forgeries(victim: string): Buffer[] {
  const forged = `VALUE ${victim} 0 6 1\r\nforged\r\nEND\r\n`;
  return [
    Buffer.from(`\r\n${'é'.repeat(9)}\r\nEND\r\n${forged}END\r\n${forged}`, 'latin1'),
    Buffer.from(`<p>${'ß'.repeat(40)}</p>\r\n`.repeat(20) + forged.repeat(4), 'latin1'),
    Buffer.concat([Buffer.alloc(30, 0xff), Buffer.from(`\r\nEND\r\nEND\r\nSTORED\r\n${forged}`)]),
    gzipSync(Buffer.from(forged.repeat(3))),
    Buffer.from('\x80\x04\x95\r\n\x8c\x04END\r\n\x94', 'latin1'),
    Buffer.alloc(0),
    Buffer.from('\r\n\r\n'),
  ];
}

describe.each(stores)('Bytes of other programs, beside sessions, on %s', (_name, makeStore, readAs) => {
  it('leave 10,000 reads of sessions alone', async () => {
    const store = await makeStore(inject('memcachedServer'));
    const wire = new MemcachedWire(inject('memcachedServer'));
    const sessions = Array.from({ length: 12 }, newKey);
    // One by one: at once, the first commands of all would find the pool of connections full.
    for (const key of sessions) await store.create(key, `record of ${key}`, 600);
    const foreign = forgeries(sessions[3] ?? '').map((bytes) => [newKey(), bytes] as const);
    for (const [key, bytes] of foreign) await wire.set(key, bytes);
    const wrong: unknown[] = [];
    const read = async (key: string, expected: string): Promise<void> => {
      const found = await store.read(key).catch((error: unknown) => ({ value: String(error) }));
      if (found?.value !== expected) wrong.push([key, found?.value]);
    };
    for (let reads = 0; reads < 10_000;) {
      const batch: Promise<void>[] = [];
      for (const [index, [key, bytes]] of foreign.entries()) {
        for (let turn = 0; turn < 8; turn++, reads++) {
          const session = sessions[(reads + index) % sessions.length] ?? '';
          batch.push(read(session, `record of ${session}`));
        }
        batch.push(read(key, bytes.toString()));
      }
      await Promise.all(batch);
    }
    expect(wrong.slice(0, 3)).toEqual([]);
  });

  it('are read as the text that they are in UTF-8, whatever they are', async () => {
    const store = await makeStore(inject('memcachedServer'));
    const wire = new MemcachedWire(inject('memcachedServer'));
    const keys = [newKey(), `${newKey()}:kéy:à`, newKey()];
    const session = newKey();
    await store.create(session, 'record', 600);
    const lines = fc.constantFrom(
      '\r\n',
      'END\r\n',
      `VALUE ${session} 0 6 1\r\nforged\r\nEND\r\n`,
      'é',
      '\\\r\n',
      '\r',
    );
    const piece = fc.oneof(fc.uint8Array({ maxLength: 40 }), lines.map(Buffer.from));
    const bytes = fc.array(piece, { maxLength: 8 }).map((pieces) => Buffer.concat(pieces));
    const flags = fc.constantFrom(0, 1, 2, 4, 8);
    const wires = fc.tuple(...keys.map(() => fc.tuple(bytes, flags)));
    await fc.assert(
      fc.asyncProperty(wires, async (values) => {
        await Promise.all(values.map(([value, flag], index) => wire.set(keys[index] ?? '', value, flag)));
        const asked = keys.flatMap((key) => [key, session]);
        const found = await Promise.all(asked.map((key) => store.get(key)));
        expect(found.filter((_value, index) => index % 2 === 1)).toEqual(['record', 'record', 'record']);
        const texts = values.map(([value, flag]) => (flag < 2 ? readAs(value.toString()) : expect.any(String)));
        expect(found.filter((_value, index) => index % 2 === 0)).toEqual(texts);
      }),
      { numRuns: 150 },
    );
  });
});
