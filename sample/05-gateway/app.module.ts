import { Module } from '@nestjs/common';
import { SessionModule } from 'nest-session';

import { AccountController } from './account.controller.js';
import { ChatGateway } from './chat.gateway.js';
import { SignedInGuard } from './signed-in.guard.js';

@Module({
  imports: [
    SessionModule.forRoot({
      secret: process.env['SESSION_SECRET'] ?? 'a secret for a sample and for nothing else',
      closeOnEnd: true, // a logout in one tab closes the sockets of the others
    }),
  ],
  controllers: [AccountController],
  providers: [ChatGateway, SignedInGuard],
})
export class AppModule {}
