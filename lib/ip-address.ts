import { isIP } from 'node:net';

import ipaddr from 'ipaddr.js';

/** More characters than any address with brackets, zone and port needs; a longer text is not looked at. */
const LONGEST = 128;

/**
 * The canonical spelling of a client's address, or `undefined` when the text is no IP address.
 *
 * Proxies and sockets write addresses in many ways: between blanks, in brackets, with a port (`203.0.113.9:5123`,
 * `[2001:db8::1]:443`), with a zone (`fe80::1%eth0`). This drops all of that and writes IPv6 as RFC 5952 does. An IPv4-mapped
 * IPv6 address (RFC 4291 section 2.5.5.2) becomes the IPv4 address inside it, because a server that listens on `::` sees its
 * IPv4 clients in that form.
 *
 * Octal and short IPv4 forms (`0177.1`, `127.1`) are not addresses: programs disagree about what they mean.
 */
export function canonicalAddress(text: string): string | undefined {
  if (text.length > LONGEST) return undefined;
  const zoned = withoutPort(text.trim());
  const address = zoned.includes(':') ? zoned.replace(/%.*$/s, '') : zoned;
  if (isIP(address) === 0) return undefined;
  // RFC 4291 retired `::192.0.2.1`, which ipaddr.js reads as if it were IPv4-mapped; its long form is read as what it is.
  return ipaddr.process(address.replace(/^::(?=\d+\.)/, '0:0:0:0:0:0:')).toString();
}

function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text);
  if (bracketed) return bracketed[1] ?? '';
  // A single colon is no IPv6 address, which has at least two.
  return text.replace(/^([^:]*):\d{1,5}$/, '$1');
}
