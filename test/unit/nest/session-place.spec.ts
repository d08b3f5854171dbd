import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { describe, expect, it } from 'vitest';

import { findPlace, isRootField, placeOf } from '../../../lib/nest/session-place.js';

const request = { headers: {} };
const root = { key: 'visitor', prev: undefined };
const info = { fieldName: 'name', parentType: {}, path: { key: 'name', prev: { key: 0, prev: root } } };

function resolverCall(...args: unknown[]): ExecutionContextHost {
  const host = new ExecutionContextHost(args);
  host.setType('graphql');
  return host;
}

describe('the place of a resolver', () => {
  it.each([
    ['a query, by any driver', { req: request }],
    ['an operation over graphql-ws', { req: { extra: { request, socket: {} }, subscriptions: {} } }],
    ['the context of graphql-ws itself', { extra: { request } }],
    ['an operation over the socket of Mercurius', { request, reply: { request } }],
  ])('is the request in the context of %s', (_what, context) => {
    expect(placeOf(resolverCall({}, {}, context, info)).request).toBe(request);
    expect(placeOf(context).request).toBe(request);
  });

  it('is found where a resolver has no arguments before the context', () => {
    const context = { req: request };
    // __resolveReference(reference, context, info) and __resolveType(value, context, info, type)
    expect(placeOf(resolverCall({}, context, info))).toEqual({ request, message: root });
    expect(placeOf(resolverCall({}, context, info, {}))).toEqual({ request, message: root });
  });

  it('is that of one execution, for all fields below one field of the operation', () => {
    const context = { req: request };
    const place = (path: object): object | undefined =>
      placeOf(resolverCall({}, {}, context, { ...info, path })).message;
    expect(place(root)).toBe(root);
    expect(place({ key: 'name', prev: root })).toBe(root);
    expect(place({ ...root })).not.toBe(root);
  });

  it('tells the fields of the operation from those below', () => {
    expect(isRootField(resolverCall({}, {}, {}, { ...info, path: root }))).toBe(true);
    expect(isRootField(resolverCall({}, {}, {}, info))).toBe(false);
  });

  it.each([[undefined], [null], ['text'], [{}], [{ req: 'text' }], [{ req: {} }], [{ request: null, extra: {} }]])(
    'is missing in the context %j',
    (context) => {
      expect(findPlace(resolverCall({}, {}, context, info))).toBeUndefined();
      expect(() => placeOf(resolverCall({}, {}, context, info))).toThrow('let the `context` option give it as `req`');
    },
  );
});
