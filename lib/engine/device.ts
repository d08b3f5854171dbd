import type { DeviceOf } from '../options/user-options.js';
import type { SessionLogger } from '../session/session-logger.js';
import type { OpenRequest } from './open-request.js';

/** Longer texts are cut, such as the user agent that a client made up. */
const LONGEST_TEXT = 256;

/** Most bytes of a device as JSON. A list may hold a thousand of them. */
const MOST_BYTES = 1024;

/** How many levels of it may lie in each other. A serializer has a limit too, and a client must not reach that. */
const MOST_LEVELS = 10;

/**
 * What the application says of the device of a request. A mistake in it keeps nobody from signing in.
 * @returns a value of its own, as JSON can hold it; `undefined` when there is none.
 */
export function deviceOf(request: OpenRequest, describe: DeviceOf | undefined, logger: SessionLogger): unknown {
  if (describe === undefined) return undefined;
  try {
    const described = describe(request.incoming, clientOf(request));
    if (isPromise(described)) {
      described.then(undefined, () => {});
      throw new TypeError('It must not be asynchronous: keep what it needs at hand.');
    }
    const text = JSON.stringify(described, cutText) as string | undefined;
    if (text === undefined) return undefined;
    const device: unknown = Buffer.byteLength(text) <= MOST_BYTES ? JSON.parse(text) : undefined;
    if (device !== undefined && !isDeeper(device, MOST_LEVELS)) return device;
    logger.warnOnce(
      `\`device\` returned more than ${MOST_BYTES} bytes or ${MOST_LEVELS} levels, which no list keeps: return less.`,
    );
  } catch (error) {
    logger.warnOnce(`\`device\` has failed, so that a list shows nothing of the device. ${String(error)}`);
  }
  return undefined;
}

function clientOf(request: OpenRequest): { readonly address: string | undefined } {
  return {
    get address() {
      try {
        return request.address();
      } catch {
        return undefined;
      }
    },
  };
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

function cutText(_key: string, value: unknown): unknown {
  if (typeof value !== 'string' || value.length <= LONGEST_TEXT) return value;
  // A cut between the two halves of a character would leave half of one.
  return `${value.slice(0, LONGEST_TEXT).replace(/[\uD800-\uDBFF]$/, '')}…`;
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Partial<Promise<unknown>> | undefined | null)?.then === 'function';
}
