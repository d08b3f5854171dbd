import {
  validateHeaderName,
  validateHeaderValue,
  type OutgoingHttpHeader,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';

/** The headers of a head that is about to be formed. A response is one, with the headers that were set on it. */
export interface HeadHeaders {
  getHeader(name: string): OutgoingHttpHeader | undefined;
  hasHeader(name: string): boolean;
  setHeader(name: string, value: OutgoingHttpHeader): unknown;
  removeHeader(name: string): void;
  getHeaderNames(): string[];
}

/** The headers that `writeHead` takes: by name, as a flat list, or as pairs. */
export type WriteHeadHeaders = OutgoingHttpHeaders | OutgoingHttpHeader[];

/**
 * Headers that are passed to `writeHead` as one object, as Fastify passes all of its own. Node forms such a head faster than one
 * whose headers were set one by one.
 */
export class PassedHeaders implements HeadHeaders {
  /** By their names in lower case. */
  readonly all: Record<string, OutgoingHttpHeader>;

  /**
   * The headers as one object, with room for ours.
   * @returns `undefined` when they cannot be passed on as one: others were set on the response before, a name may come twice, or
   * Node refuses one, which it must do before anything is saved.
   */
  static of(response: ServerResponse, given: WriteHeadHeaders | undefined): PassedHeaders | undefined {
    if (given === undefined || given === null || Array.isArray(given)) return undefined;
    if (response.getHeaderNames().length > 0) return undefined;
    for (const name of Object.keys(given)) {
      if (name !== name.toLowerCase() || !isValid(name, given[name])) return undefined;
    }
    return new PassedHeaders({ ...given } as Record<string, OutgoingHttpHeader>);
  }

  private constructor(all: Record<string, OutgoingHttpHeader>) {
    this.all = all;
  }

  getHeader(name: string): OutgoingHttpHeader | undefined {
    return this.hasHeader(name) ? this.all[name.toLowerCase()] : undefined;
  }

  hasHeader(name: string): boolean {
    return Object.hasOwn(this.all, name.toLowerCase());
  }

  setHeader(name: string, value: OutgoingHttpHeader): void {
    this.all[name.toLowerCase()] = value;
  }

  removeHeader(name: string): void {
    delete this.all[name.toLowerCase()];
  }

  getHeaderNames(): string[] {
    return Object.keys(this.all);
  }
}

/** Whether Node takes the header. */
function isValid(name: string, value: OutgoingHttpHeader | undefined): boolean {
  try {
    validateHeaderName(name);
    for (const one of Array.isArray(value) ? value : [value]) validateHeaderValue(name, one as string);
    return true;
  } catch {
    return false;
  }
}

/** Sets the headers given to `writeHead`, which win over those set before, as in Node. */
export function setHeaders(response: ServerResponse, given: WriteHeadHeaders | undefined): void {
  if (given === undefined || given === null) return;
  if (!Array.isArray(given)) {
    for (const name of Object.keys(given)) setHeader(response, name, given[name]);
    return;
  }
  const pairs: [string, OutgoingHttpHeader][] = Array.isArray(given[0])
    ? (given as unknown as [string, OutgoingHttpHeader][])
    : Array.from({ length: given.length / 2 }, (_, at) => [String(given[at * 2]), given[at * 2 + 1] ?? '']);
  const names = new Set(pairs.map(([name]) => name.toLowerCase()));
  for (const name of names) response.removeHeader(name);
  for (const [name, value] of pairs) response.appendHeader(name, Array.isArray(value) ? value : String(value));
}

function setHeader(response: ServerResponse, name: string, value: OutgoingHttpHeader | undefined): void {
  if (value !== undefined) response.setHeader(name, value);
}
