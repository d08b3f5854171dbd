import { UnserializableError } from './unserializable-error.js';

/** Whether `{}`, `Object.create(null)` or another realm's `{}` made the object, so that a plain object replaces it without loss. */
export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.prototype.toString.call(value) === '[object Object]';
}

/** The error for an object that is not plain and of a class that the serializer does not know. */
export function unknownInstance(value: object, remedy: string): UnserializableError {
  const { constructor } = value as { readonly constructor?: unknown };
  const name = typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'an unnamed class';
  return new UnserializableError(`an instance of ${name} would come back as something else. ${remedy}`);
}
