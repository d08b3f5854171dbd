import { Module } from '@nestjs/common';
import { SessionModule } from 'nest-session';

import { AccountController } from './account.controller.js';
import { ChatGateway } from './chat.gateway.js';
import type { ChatSession } from './chat-session.js';

@Module({
  imports: [
    SessionModule.forRoot({
      secret: process.env['SESSION_SECRET'] ?? 'a secret for a sample and for nothing else',
      user: ({ user }: Partial<ChatSession>) => user, // whose session it is, for SignedInGuard
      closeOnEnd: true, // a logout in one tab closes the sockets of the others
    }),
  ],
  controllers: [AccountController],
  providers: [ChatGateway],
})
export class AppModule {}
