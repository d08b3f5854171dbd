import { describe, expect, it } from 'vitest';
import { compileTrust } from '../../../lib/proxy/proxy-trust.js';
import { SessionConfigurationError } from '../../../lib/session.errors.js';

/** What a JavaScript user, or a configuration file, may put there. */
const compileAnything = compileTrust as (trustProxy: unknown) => ReturnType<typeof compileTrust>;

describe('compileTrust', () => {
  it('true trusts everybody', () => {
    expect(compileTrust(true)('203.0.113.9', 7)).toBe(true);
  });

  it('a hop count trusts that many hops, and 0 none', () => {
    expect([0, 1, 2].map((hop) => compileTrust(2)('203.0.113.9', hop))).toEqual([true, true, false]);
    expect(compileTrust(0)('127.0.0.1', 0)).toBe(false);
  });

  it.each([
    ['10.0.0.0/8, loopback'],
    [['10.0.0.0/8', 'loopback']],
    [Object.freeze(['loopback', '10.0.0.0/255.0.0.0'])],
  ])('the list %j trusts what is on it, at any hop', (list) => {
    const trust = compileTrust(list);
    expect(['10.9.9.9', '127.0.0.1', '::1', '::ffff:10.1.2.3'].map((address) => trust(address, 3))).toEqual(
      Array(4).fill(true),
    );
    expect(['11.0.0.1', '2001:db8::1', 'unknown', ''].map((address) => trust(address, 0))).toEqual(
      Array(4).fill(false),
    );
  });

  it('a proxy on the list is known by its address when it appends its port', () => {
    const trust = compileTrust(['10.0.0.0/8', 'fd00::/8']);
    expect(trust('10.0.0.1:443', 1)).toBe(true);
    expect(trust('[fd00::1]:443', 1)).toBe(true);
  });

  it.each([-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('the hop count %s is refused', (count) => {
    expect(() => compileTrust(count)).toThrow(SessionConfigurationError);
    expect(() => compileTrust(count)).toThrow('whole number');
  });

  it.each(['10.0.0.0/33', '10.0.0.0/', '10.0.0.0/0', '::1/129', '10/8', '127.1', 'true', 'localhost', '', 'loopback,'])(
    'the list %j is refused, and the message says what to write',
    (list) => {
      expect(() => compileTrust(list)).toThrow(SessionConfigurationError);
      expect(() => compileTrust(list)).toThrow("CIDR range such as '10.0.0.0/8'");
    },
  );

  it('a hop count that came as text is refused and not taken for the address 0.0.0.1', () => {
    expect(() => compileTrust('1')).toThrow('trustProxy: 1');
  });

  it.each([[[]], [false], [null], [undefined], [{}], [() => true]])('%j is refused', (value) => {
    expect(() => compileAnything(value)).toThrow(SessionConfigurationError);
  });

  it('a list with something else than text is refused', () => {
    expect(() => compileAnything([1])).toThrow(SessionConfigurationError);
    expect(() => compileAnything(['loopback', null])).toThrow(SessionConfigurationError);
  });
});
