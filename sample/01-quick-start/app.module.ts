import { Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { SessionModule, type StoreName } from 'nest-session';

import { AboutController } from './about.controller.js';
import { AccountController } from './account.controller.js';
import { CartController } from './cart.controller.js';
import { ParallelController } from './parallel.controller.js';
import { KEY_PREFIX } from './store-key.js';
import { VisitsController } from './visits.controller.js';

@Module({
  imports: [
    ConfigModule,
    SessionModule.forRootAsync({
      imports: [ConfigModule],
      inject: [ConfigService],
      useFactory: (config: ConfigService) => ({
        store: config.get<StoreName>('SESSION_STORE', 'memory'),
        redis: { url: config.get<string>('REDIS_URL', 'redis://127.0.0.1:6379') },
        memcached: { servers: config.get<string>('MEMCACHED_SERVERS', '127.0.0.1:11211').split(',') },
        secret: config.get<string>('SESSION_SECRETS', 'a secret for a sample and for nothing else').split(','), // first signs, all verify
        keyPrefix: KEY_PREFIX,
      }),
    }),
  ],
  controllers: [AboutController, AccountController, CartController, ParallelController, VisitsController],
})
export class AppModule {}
