// Nest's metadata keys of what `@UseGuards()` and its like name. They are not part of its public exports.
const GUARDS = '__guards__';
const INTERCEPTORS = '__interceptors__';
const FILTERS = '__exceptionFilters__';
const ALL = [GUARDS, INTERCEPTORS, '__pipes__', FILTERS];

/** What `@UseGuards()` names on a class or a handler. */
export function guardsOf(target: object): unknown[] {
  return namedUnder(GUARDS, target);
}

/** What `@UseGuards()` names on this class itself, and not on one that it extends, or on a handler. */
export function ownGuardsOf(target: object): unknown[] {
  return (Reflect.getOwnMetadata(GUARDS, target) ?? []) as unknown[];
}

/** What `@UseInterceptors()` names on a class or a handler. */
export function interceptorsOf(target: object): unknown[] {
  return namedUnder(INTERCEPTORS, target);
}

/** The guards, interceptors, pipes and exception filters of a class or a handler. */
export function enhancersOf(target: object): unknown[] {
  return ALL.flatMap((key) => namedUnder(key, target));
}

/** Names the interceptor on a class or a handler, before all others, once. */
export function putInterceptorFirst(interceptor: unknown, target: object): void {
  putFirst(INTERCEPTORS, interceptor, target);
}

/** Names the exception filter on a class or a handler, before all others, once. Nest asks the last one first. */
export function putFilterFirst(filter: unknown, target: object): void {
  putFirst(FILTERS, filter, target);
}

function putFirst(key: string, enhancer: unknown, target: object): void {
  const others = namedUnder(key, target);
  if (!others.includes(enhancer)) Reflect.defineMetadata(key, [enhancer, ...others], target);
}

function namedUnder(key: string, target: object): unknown[] {
  return (Reflect.getMetadata(key, target) ?? []) as unknown[];
}
