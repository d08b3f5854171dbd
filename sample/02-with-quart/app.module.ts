import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { SessionModule } from 'nest-session';

import { REDIS, SessionController } from './session.controller.js';

/** A client that the application shares with the sessions: the page shows what lies in Redis. */
@Module({
  providers: [
    {
      provide: REDIS,
      useFactory: () =>
        new Redis(process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379', {
          commandTimeout: 1000,
          autoResendUnfulfilledCommands: false,
          maxRetriesPerRequest: 0,
        }),
    },
  ],
  exports: [REDIS],
})
class RedisModule implements OnApplicationShutdown {
  constructor(@Inject(REDIS) private readonly redis: Redis) {}

  onApplicationShutdown() {
    this.redis.disconnect(); // the SessionModule closes only what it has made itself
  }
}

@Module({
  imports: [
    RedisModule,
    SessionModule.forRootAsync({
      imports: [RedisModule],
      inject: [REDIS],
      useFactory: (client: Redis) => ({
        wire: 'quart' as const, // keys, signature, values and lifetime as Quart-Session has them
        store: 'redis' as const,
        redis: { client },
        secret: process.env['SECRET_KEY'] ?? 'a secret for a sample and for nothing else', // the SECRET_KEY of the Quart application
      }),
    }),
  ],
  controllers: [SessionController],
})
export class AppModule {}
