import { Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { SessionModule, SignedInGuard, type StoreName } from 'nest-session';

import { AccountController } from './account.controller.js';
import { Accounts } from './accounts.js';
import { DevicesController } from './devices.controller.js';
import type { DevicesSession } from './devices-session.js';
import { SessionNews } from './session-news.js';
import { UsersController } from './users.controller.js';

const store = (process.env['SESSION_STORE'] ?? 'memory') as StoreName;

@Module({
  imports: [
    SessionModule.forRoot({
      store,
      redis: { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' },
      bus: store === 'redis' ? 'redis' : undefined, // tells the other processes at once that a session has ended
      secret: process.env['SESSION_SECRET'] ?? 'a secret for a sample and for nothing else',
      keyPrefix: 'your-devices:',
      idleTimeout: '12h', // unless the user asks to be remembered
      recheck: '5s', // a page that is open learns within this time that everybody was signed out
      user: {
        of: (data: Partial<DevicesSession>) => data.user,
        verify: 'read', // for endEverybody(), and for a back-end that may lose the list of a user
        generation: true,
      },
      device: (request) => request.headers['user-agent']?.slice(0, 400),
    }),
  ],
  controllers: [AccountController, DevicesController, UsersController],
  providers: [Accounts, SessionNews, { provide: APP_GUARD, useClass: SignedInGuard }],
})
export class AppModule {}
