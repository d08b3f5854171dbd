import { SessionConfigurationError } from '../session.errors.js';
import { checkedTtl, STORE_VERBS, type SessionStore } from './session-store.js';

const GUARD = Symbol('nest-session.key-guard');

type GuardedStore = SessionStore & { readonly [GUARD]?: KeyGuard };

/**
 * The store as the application may use it: everything but the keys of sessions. Otherwise a visitor who can choose a key could choose
 * that of a session, and write a session of their own making.
 * @param prefixes what the keys of sessions begin with; an empty one, with which all keys begin, is ignored.
 * @param own has the class, the further methods and the hooks; another one than `store` while sessions move between two.
 */
export function applicationStore(store: SessionStore, prefixes: readonly string[], own = store): SessionStore {
  // A proxy, so that the application's own store keeps its class, its further methods and its lifecycle hooks. Its target is an
  // empty object of that class, because a proxy of a frozen store could not replace its methods.
  const empty = Object.create(Object.getPrototypeOf(own) as object) as SessionStore;
  return new Proxy(empty, new KeyGuard({ store, own }, prefixes));
}

/** The store behind {@link applicationStore}, or the given one if a test has replaced it. */
export function wholeStore(store: SessionStore): SessionStore {
  return (store as GuardedStore)[GUARD]?.store ?? store;
}

/** Refuses these keys to the application as well: those of another SessionModule's sessions. */
export function alsoRefuseKeys(store: SessionStore, prefix: string): void {
  (store as GuardedStore)[GUARD]?.refuse(prefix);
}

/** Is told how each command of the application has ended, as it is of the engine's. */
export interface CommandWatch {
  /** When a command begins, for {@link CommandWatch.answered} and {@link CommandWatch.failed}. */
  readonly start: number | undefined;
  answered(verb: keyof SessionStore, answer: unknown, start: number | undefined): void;
  /** @returns the error to throw. */
  failed(verb: keyof SessionStore, cause: unknown, start: number | undefined): Error;
}

/** Has the commands of the application watched from here on. */
export function watchCommands(store: SessionStore, watch: CommandWatch): void {
  const guard = (store as GuardedStore)[GUARD];
  if (guard !== undefined) guard.watch = watch;
}

/** The verbs that take a value and a ttl behind the key. */
const WRITES: readonly PropertyKey[] = ['set', 'create', 'replace'];

/** Refuses what no store takes. Otherwise a mistake of the application would pass for an outage of the store. */
function checkWrite(verb: PropertyKey, [value, ttl]: readonly unknown[]): void {
  if (typeof value !== 'string') {
    throw new SessionConfigurationError(`A value of SESSION_STORE is a string, not of the type ${typeof value}.`);
  }
  if (verb !== 'set' || ttl !== undefined) checkedTtl(ttl as number);
}

class KeyGuard implements ProxyHandler<SessionStore> {
  readonly store: SessionStore;
  watch: CommandWatch | undefined;
  readonly #own: SessionStore;
  readonly #prefixes: Set<string>;
  readonly #methods = new Map<PropertyKey, unknown>();

  constructor(
    { store, own }: { readonly store: SessionStore; readonly own: SessionStore },
    prefixes: readonly string[],
  ) {
    this.store = store;
    this.#own = own;
    this.#prefixes = new Set(prefixes.filter((prefix) => prefix !== ''));
  }

  refuse(prefix: string): void {
    if (prefix !== '') this.#prefixes.add(prefix);
  }

  get(target: SessionStore, property: PropertyKey): unknown {
    if (property === GUARD) return this;
    // A method that the application has set, such as a spy.
    if (Object.hasOwn(target, property)) return Reflect.get(target, property) as unknown;
    const source = isVerb(property) ? this.store : this.#own;
    const value: unknown = Reflect.get(source, property, source);
    if (!isMethod(value) || property === 'constructor') return value;
    if (!this.#methods.has(property)) this.#methods.set(property, this.#method(property, value));
    return this.#methods.get(property);
  }

  /** Sets a field on the store itself, but a method, such as a spy, only here: the engine goes on calling the store's. */
  set(target: SessionStore, property: PropertyKey, value: unknown): boolean {
    return isMethod(value) ? Reflect.set(target, property, value) : Reflect.set(this.#own, property, value, this.#own);
  }

  has(target: SessionStore, property: PropertyKey): boolean {
    return property in this.#own || property in target;
  }

  #method(property: PropertyKey, method: (...args: never[]) => unknown): unknown {
    if (!isVerb(property)) return method.bind(this.#own as never);
    return async (key: unknown, ...rest: unknown[]): Promise<unknown> => {
      this.#check(key);
      if (WRITES.includes(property)) checkWrite(property, rest);
      const start = this.watch?.start;
      let answer: unknown;
      try {
        answer = await (Reflect.apply(method, this.store, [key, ...rest] as never) as unknown);
      } catch (cause) {
        throw this.watch?.failed(property as keyof SessionStore, cause, start) ?? cause;
      }
      this.watch?.answered(property as keyof SessionStore, answer, start);
      return answer;
    };
  }

  #check(key: unknown): void {
    // A driver would accept an array too, and take its first item for the key.
    if (typeof key !== 'string') {
      throw new SessionConfigurationError(`A key of SESSION_STORE is a string, not of the type ${typeof key}.`);
    }
    for (const prefix of this.#prefixes) {
      if (!key.startsWith(prefix)) continue;
      throw new SessionConfigurationError(
        `Keys that begin with '${prefix}' belong to sessions: choose another key for SESSION_STORE.`,
      );
    }
  }
}

function isVerb(property: PropertyKey): boolean {
  return (STORE_VERBS as readonly PropertyKey[]).includes(property);
}

function isMethod(value: unknown): value is (...args: never[]) => unknown {
  return typeof value === 'function';
}
