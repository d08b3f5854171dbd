import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AddressPin } from '../../../lib/pinning/address-pin.js';

describe('AddressPin', () => {
  const exact = new AddressPin({ match: 'exact' });
  const prefix = new AddressPin({ match: { ipv4: 24, ipv6: 64 } });

  it('an exact pin matches the same address alone', () => {
    expect(exact.matches('203.0.113.9', '203.0.113.9')).toBe(true);
    expect(exact.matches('203.0.113.9', '203.0.113.8')).toBe(false);
    expect(exact.matches('2001:db8::1', '2001:db8::1')).toBe(true);
    expect(exact.matches('2001:db8::1', '2001:db8::2')).toBe(false);
  });

  it('spelling does not matter on either side', () => {
    expect(exact.matches('::ffff:203.0.113.9', '203.0.113.9:5123')).toBe(true);
    expect(exact.matches('2001:DB8:0::1', '[2001:db8::1]:443')).toBe(true);
  });

  it('a prefix pin matches the network', () => {
    expect(prefix.matches('203.0.113.9', '203.0.113.250')).toBe(true);
    expect(prefix.matches('203.0.113.9', '203.0.112.9')).toBe(false);
    expect(prefix.matches('2001:db8:1:2:aaaa::1', '2001:db8:1:2:bbbb::9')).toBe(true);
    expect(prefix.matches('2001:db8:1:2::1', '2001:db8:1:3::1')).toBe(false);
  });

  it('the prefix may end inside a byte', () => {
    const pin = new AddressPin({ match: { ipv4: 20, ipv6: 57 } });
    expect(pin.matches('10.0.16.1', '10.0.31.255')).toBe(true);
    expect(pin.matches('10.0.16.1', '10.0.32.1')).toBe(false);
    expect(pin.matches('2001:db8:0:ff80::', '2001:db8:0:ffff::')).toBe(true);
    expect(pin.matches('2001:db8:0:ff80::', '2001:db8:0:ff7f::')).toBe(false);
  });

  it('the prefix of an IPv4-mapped address is the one of IPv4', () => {
    expect(prefix.matches('::ffff:203.0.113.9', '::ffff:198.51.100.9')).toBe(false);
    expect(prefix.matches('::ffff:203.0.113.9', '203.0.113.1')).toBe(true);
  });

  it('an IPv4 and an IPv6 address never match', () => {
    expect(prefix.matches('0.0.0.0', '::')).toBe(false);
    expect(prefix.matches('::1.2.3.4', '1.2.3.4')).toBe(false);
  });

  it('a text that is no address matches nothing, not even itself', () => {
    for (const text of ['', 'unknown', '<x>', '127.1', 'null']) {
      expect(exact.matches(text, text)).toBe(false);
      expect(prefix.matches(text, '203.0.113.9')).toBe(false);
      expect(prefix.matches('203.0.113.9', text)).toBe(false);
    }
  });

  it('every address matches itself, and a match holds in both directions', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6());
    fc.assert(
      fc.property(address, address, (one, other) => {
        expect(exact.matches(one, one)).toBe(true);
        expect(prefix.matches(one, other)).toBe(prefix.matches(other, one));
      }),
    );
  });
});
