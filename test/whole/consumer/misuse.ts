import { SessionModule, type Session, type SessionModuleOptions } from 'nest-session';
import type { MemcachedClient } from 'nest-session/stores/memcached';
import type { IoredisClient } from 'nest-session/stores/redis';
import { describeSessionStore } from 'nest-session/testing';

/** What the compiler has to refuse; if a type arrived as `any`, it would not. Nobody calls this. */
export function misuse(session: Session<{ items: string[] }>, redis: IoredisClient, memcached: MemcachedClient): void {
  // @ts-expect-error a list is no number
  session.items = 5;
  // @ts-expect-error the data has no such key
  session.itmes = [];
  // @ts-expect-error no such store
  SessionModule.forRoot({ store: 'sqlite' });
  // @ts-expect-error no such option
  const options: SessionModuleOptions = { idleTimout: '30m' };
  // @ts-expect-error a client of another store
  options.redis = { client: memcached };
  // @ts-expect-error a key is a string
  void redis.get(5);
  // @ts-expect-error a store is made in a promise
  describeSessionStore('a store', () => 5);
}
