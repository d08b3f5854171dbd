import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalAddress } from '../../lib/ip-address.js';

describe('canonicalAddress', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['  203.0.113.9\t', '203.0.113.9'],
    ['203.0.113.9:5123', '203.0.113.9'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['2001:db8::1', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['[fe80::1%25eth0]:80', 'fe80::1'],
    ['::1', '::1'],
    ['::', '::'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::FFFF:7f00:1', '127.0.0.1'],
    ['[::ffff:127.0.0.1]:8080', '127.0.0.1'],
    ['0:0:0:0:0:ffff:1.2.3.4', '1.2.3.4'],
  ])('%j is %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  it.each([
    '',
    ' ',
    'unknown',
    '_hidden',
    '<x>',
    'localhost',
    '1',
    '127.1',
    '0177.1',
    '0177.0.0.1',
    '01.2.3.4',
    '0x7f.0.0.1',
    '2130706433',
    '256.0.0.1',
    '1.2.3.4.5',
    '1.2.3.4:',
    '1.2.3.4:port',
    '1.2.3.4%eth0',
    '1.2.3.4, 5.6.7.8',
    '[::1',
    '::1]',
    '[]',
    '[::1]x',
    ':::',
    '1:2:3:4:5:6:7:8:9',
    '::ffff:0177.0.0.1',
    '%eth0',
    '１.2.3.4',
    `::1%${'z'.repeat(10_000)}`,
  ])('%j is no address', (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
  });

  it('an IPv4-compatible address, retired by RFC 4291, is the same in both spellings and is not the IPv4 address', () => {
    expect(canonicalAddress('::1.2.3.4')).toBe('::102:304');
    expect(canonicalAddress('::102:304')).toBe('::102:304');
  });

  it('never throws, and leaves a canonical address as it is', () => {
    const scraps = fc.array(
      fc.constantFrom('[', ']', ':', '%', '.', '::', '1', 'ff', '::ffff:', '127', 'eth0', ' ', '/'),
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.ipV4Extended(),
          scraps.map((parts) => parts.join('')),
        ),
        (text) => {
          const canonical = canonicalAddress(text);
          if (canonical !== undefined) expect(canonicalAddress(canonical)).toBe(canonical);
        },
      ),
    );
  });

  it('writes IPv6 as the WHATWG URL parser does, whatever the spelling', () => {
    fc.assert(
      fc.property(
        fc.ipV6().filter((text) => !canonicalAddress(text)?.includes('.')),
        (text) => {
          const expected = new URL(`http://[${text}]/`).hostname;
          expect(`[${canonicalAddress(text)}]`).toBe(expected);
          expect(`[${canonicalAddress(`[${text.toUpperCase()}]:443`)}]`).toBe(expected);
        },
      ),
    );
  });

  it('an IPv4 address survives its port and its IPv4-mapped spellings', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 0, max: 65_535 }), (address, port) => {
        const hex = new URL(`http://[::ffff:${address}]/`).hostname;
        for (const spelling of [address, `${address}:${port}`, `::ffff:${address}`, `${hex}:${port}`]) {
          expect(canonicalAddress(spelling)).toBe(address);
        }
      }),
    );
  });
});
