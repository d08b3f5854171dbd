import { Module } from '@nestjs/common';
import { PassportModule } from '@nestjs/passport';
import { SessionModule } from 'nest-session';

import { Accounts } from './accounts.js';
import { LogInController } from './log-in.controller.js';
import { ProviderStrategy } from './provider.strategy.js';
import { ShopController } from './shop.controller.js';
import { UserSerializer } from './user.serializer.js';

@Module({
  imports: [
    SessionModule.forRoot({ secret: process.env['SESSION_SECRET'] ?? 'a secret for a sample and for nothing else' }),
    PassportModule.register({ keepSessionInfo: true }), // the cart survives the login
  ],
  controllers: [LogInController, ShopController],
  providers: [Accounts, ProviderStrategy, UserSerializer],
})
export class AppModule {}
