import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { MemoryStore, type ClosableStore, type SessionStore } from 'nest-session';
import { MemcachedStore } from 'nest-session/stores/memcached';
import { RedisStore } from 'nest-session/stores/redis';

/**
 * The store as another program sees it. An application has no need of it: SESSION_STORE, for keys of its own, refuses the keys of
 * sessions. This sample shows them.
 */
export const RECORDS = Symbol('RECORDS');

async function openStore(config: ConfigService): Promise<SessionStore> {
  switch (config.get<string>('SESSION_STORE', 'memory')) {
    case 'redis':
      return RedisStore.connect({ url: config.get<string>('REDIS_URL', 'redis://127.0.0.1:6379') });
    case 'memcached':
      return MemcachedStore.connect({
        servers: config.get<string>('MEMCACHED_SERVERS', '127.0.0.1:11211').split(','),
      });
    default:
      return new MemoryStore();
  }
}

@Module({
  imports: [ConfigModule],
  providers: [{ provide: RECORDS, inject: [ConfigService], useFactory: openStore }],
  exports: [RECORDS],
})
export class RecordsModule implements OnApplicationShutdown {
  constructor(@Inject(RECORDS) private readonly records: Partial<ClosableStore>) {}

  /** The SessionModule closes only what it has made itself. */
  async onApplicationShutdown() {
    await this.records.close?.();
  }
}
