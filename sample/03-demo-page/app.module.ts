import { Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { SessionModule, type SessionStore } from 'nest-session';

import { AboutController } from './about.controller.js';
import { AccountController } from './account.controller.js';
import { CartController } from './cart.controller.js';
import { ParallelController } from './parallel.controller.js';
import { RECORDS, RecordsModule } from './records.module.js';
import { KEY_PREFIX } from './store-key.js';
import { VisitsController } from './visits.controller.js';

@Module({
  imports: [
    ConfigModule,
    RecordsModule,
    SessionModule.forRootAsync({
      imports: [ConfigModule, RecordsModule],
      inject: [ConfigService, RECORDS],
      useFactory: (config: ConfigService, store: SessionStore) => ({
        store, // or a name: 'memory', 'redis' with its url, 'memcached' with its servers
        secret: config.get<string>('SESSION_SECRETS', 'a secret for a sample and for nothing else').split(','), // first signs, all verify
        keyPrefix: KEY_PREFIX,
      }),
    }),
  ],
  controllers: [AboutController, AccountController, CartController, ParallelController, VisitsController],
})
export class AppModule {}
