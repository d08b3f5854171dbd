import { Module } from '@nestjs/common';
import { SessionModule } from 'nest-session';

import { SessionController } from './session.controller.js';

@Module({
  imports: [
    SessionModule.forRootAsync({
      useFactory: () => ({
        wire: 'quart' as const, // keys, signature, values and lifetime as Quart-Session has them
        store: 'redis' as const,
        redis: { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' },
        secret: process.env['SECRET_KEY'] ?? 'a secret for a sample and for nothing else', // the SECRET_KEY of the Quart application
      }),
    }),
  ],
  controllers: [SessionController],
})
export class AppModule {}
