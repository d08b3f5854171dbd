import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/** More than any address with brackets, zone and port needs; longer text is noise and is not looked at. */
const LONGEST = 128;

/**
 * The one way to write a client's address, or `undefined` where the text is no IP address.
 *
 * Proxies and sockets write addresses in many ways: with blanks around, in brackets, with a port (`203.0.113.9:5123`,
 * `[2001:db8::1]:443`), with a zone (`fe80::1%eth0`). All of that is dropped, IPv6 is written as in RFC 5952, and an
 * IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) becomes the IPv4 address it stands for, since a server that listens
 * on `::` sees its IPv4 clients in that form.
 *
 * Octal and short IPv4 forms (`0177.1`, `127.1`) are not addresses: programs disagree about what they mean.
 */
export function canonicalAddress(text: string): string | undefined {
  if (text.length > LONGEST) return undefined;
  const bare = withoutZone(withoutPort(text.trim()));
  if (isIP(bare) === 0) return undefined;
  // RFC 4291 retired `::192.0.2.1`, and ipaddr.js reads it as if it were IPv4-mapped; its long form is read as what it is.
  return ipaddr.process(bare.replace(/^::(?=\d+\.)/, '0:0:0:0:0:0:')).toString();
}

function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text);
  if (bracketed) return bracketed[1] ?? '';
  // A single colon cannot be IPv6, which has at least two.
  return text.replace(/^([^:]*):\d{1,5}$/, '$1');
}

function withoutZone(text: string): string {
  const zone = text.indexOf('%');
  return zone > 0 && text.includes(':') ? text.slice(0, zone) : text;
}
