import { UnserializableError } from './unserializable-error.js';

/** Made by `{}`, `Object.create(null)` or another realm's `{}`: nothing is lost by reading it back as a plain object. */
export function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null && Object.prototype.toString.call(value) === '[object Object]';
}

/** What to throw for an object that is no plain one and that the serializer does not know. */
export function unknownInstance(value: object, remedy: string): UnserializableError {
  const { constructor } = value as { readonly constructor?: unknown };
  const name = typeof constructor === 'function' && constructor.name !== '' ? constructor.name : 'an unnamed class';
  return new UnserializableError(`an instance of ${name} would come back as something else. ${remedy}`);
}
