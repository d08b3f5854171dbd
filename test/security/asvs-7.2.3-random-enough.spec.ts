import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';

import { resolveOptions } from '../../lib/options/resolve-options.js';
import { SessionConfigurationError } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { accountBackEnds, AccountApps, idOf } from './account-apps.js';

/** What the cryptographic generator gave, so that an id can be traced back to it. */
const drawn = new Map<string, number>();
const { randomBytes } = crypto;

function draw(size: number): Buffer {
  const bytes = randomBytes(size);
  drawn.set(bytes.toString('base64url'), size);
  return bytes;
}

function putInPlace(generator: typeof draw): void {
  crypto.randomBytes = generator as typeof randomBytes;
  // For those who import it by its name.
  syncBuiltinESMExports();
}

beforeAll(() => putInPlace(draw));
afterAll(() => putInPlace(randomBytes));

const IDS = 20_000;
const BITS = 192;
/** How far a count of fair coins may be off: six standard deviations, which chance exceeds once in 500 million. */
const TOLERANCE = 6 * Math.sqrt(IDS / 4);

beforeEach(() => drawn.clear());

describe.each(platforms)('7.2.3: on %s', (platform) => {
  let apps: AccountApps;

  afterEach(async () => {
    vi.restoreAllMocks();
    await apps.close();
  });

  it("every id that leaves is, byte for byte, 16 bytes or more of the operating system's random generator", async () => {
    // First: Nest draws the names of modules and providers from Math.random, and keeps some for later.
    apps = await AccountApps.start(platform);
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
    vi.spyOn(Date, 'now').mockReturnValue(1_800_000_000_000);
    const ids = new Set<string>();
    for (let count = 0; count < 50; count++) {
      const client = apps.first.client();
      await client.post('/cart?item=tea');
      ids.add(idOf(client.cookieHeader));
      await client.post('/login?name=ada');
      ids.add(idOf(client.cookieHeader));
    }
    expect(ids.size).toBe(100);
    for (const id of ids) expect(drawn.get(id)).toBeGreaterThanOrEqual(16);
  });

  it.each(accountBackEnds)('an id that is taken is not given to another user, with %s', async (backEnd) => {
    const taken = `taken-${crypto.randomUUID()}`;
    const queue = [
      'not-taken-at-all-1',
      'not-taken-at-all-2',
      'not-taken-at-all-3',
      'not-taken-at-all-4',
      taken,
      taken,
    ];
    const generateId = (): string => queue.shift() ?? crypto.randomUUID();
    apps = await AccountApps.start(platform, backEnd, { generateId });
    const [ada, eve] = [apps.first.client(), apps.second.client()];
    await ada.post('/cart?item=of-ada');
    await eve.post('/cart?item=of-eve');
    expect(idOf(ada.cookieHeader)).toBe(taken);
    expect(idOf(eve.cookieHeader)).not.toBe(taken);
    expect(await (await ada.get('/visit')).json()).toMatchObject({ items: ['of-ada'] });
    expect(await (await eve.get('/visit')).json()).toMatchObject({ items: ['of-eve'] });
  });
});

describe('7.2.3: of many ids', () => {
  const { generateId } = resolveOptions({});
  const ids = Array.from({ length: IDS }, () => generateId());
  const bytes = ids.map((id) => Buffer.from(id, 'base64url'));

  it('no two are alike, and each holds more than the 128 bits that are asked for', () => {
    expect(new Set(ids).size).toBe(IDS);
    for (const each of bytes) expect(each.length * 8).toBe(BITS);
  });

  it('every bit is as often set as not, and as often as not what it was in the one before', () => {
    const set = Array.from({ length: BITS }, () => 0);
    const flipped = Array.from({ length: BITS }, () => 0);
    for (const [index, each] of bytes.entries()) {
      const before = bytes[index - 1] ?? each;
      for (let bit = 0; bit < BITS; bit++) {
        set[bit]! += bitOf(each, bit);
        flipped[bit]! += bitOf(each, bit) ^ bitOf(before, bit);
      }
    }
    for (const count of [...set, ...flipped]) expect(Math.abs(count - IDS / 2)).toBeLessThan(TOLERANCE);
  });

  it('a generator of your own that draws too short a text is refused', () => {
    const short = (): string => crypto.randomBytes(11).toString('base64url');
    expect(() => resolveOptions({ generateId: short })).toThrow(SessionConfigurationError);
  });
});

function bitOf(bytes: Buffer, bit: number): number {
  return ((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1;
}
