// Nest's metadata keys of what `@UseGuards()` and its like name. They are not part of its public exports.
const GUARDS = '__guards__';
const INTERCEPTORS = '__interceptors__';
const ALL = [GUARDS, INTERCEPTORS, '__pipes__', '__exceptionFilters__'];

/** What `@UseGuards()` names on a class or a handler. */
export function guardsOf(target: object): unknown[] {
  return namedUnder(GUARDS, target);
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
export function putFirst(interceptor: unknown, target: object): void {
  const others = interceptorsOf(target);
  if (!others.includes(interceptor)) Reflect.defineMetadata(INTERCEPTORS, [interceptor, ...others], target);
}

function namedUnder(key: string, target: object): unknown[] {
  return (Reflect.getMetadata(key, target) ?? []) as unknown[];
}
