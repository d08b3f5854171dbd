/** A device in words, and the kind of picture that stands beside it. */
export interface ReadableDevice {
  readonly name: string;
  readonly kind: 'computer' | 'phone' | 'tablet' | 'unknown';
}

/** In this order: the agents of later ones are named in those of earlier ones, as every browser says that it is Safari. */
const BROWSERS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\b(?:Edg|EdgA|EdgiOS)\//, 'Edge'],
  [/\b(?:OPR|OPiOS)\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|HeadlessChrome|Chromium|CriOS)\//, 'Chrome'],
  [/\bVersion\/[\d.]+ .*\bSafari\//, 'Safari'],
  [/^curl\//, 'curl'],
];

const SYSTEMS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'], // an iPad too, unless its user has asked for the pages of phones
  [/\bLinux\b|\bX11\b/, 'Linux'],
];

/**
 * Tells the browser and the system from a user agent, as well as a few patterns can. Nothing hangs on it: a client can say that it is
 * anything, and a person only has to know their own device again.
 */
export function readableDevice(agent: unknown): ReadableDevice {
  if (typeof agent !== 'string' || agent === '') return { name: 'Unknown device', kind: 'unknown' };
  const browser = firstIn(BROWSERS, agent);
  const system = firstIn(SYSTEMS, agent);
  return { name: nameOf(browser, system), kind: kindOf(agent, system) };
}

function nameOf(browser: string | undefined, system: string | undefined): string {
  if (browser === undefined) return system === undefined ? 'Unknown device' : `Unknown browser on ${system}`;
  return system === undefined ? browser : `${browser} on ${system}`;
}

function kindOf(agent: string, system: string | undefined): ReadableDevice['kind'] {
  if (system === undefined) return 'unknown';
  if (system === 'iPhone') return 'phone';
  if (system === 'iPad') return 'tablet';
  if (system === 'Android') return /\bMobile\b/.test(agent) ? 'phone' : 'tablet';
  return 'computer';
}

function firstIn(patterns: typeof BROWSERS, agent: string): string | undefined {
  return patterns.find(([pattern]) => pattern.test(agent))?.[1];
}
