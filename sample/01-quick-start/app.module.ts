import { Module } from '@nestjs/common';
import { SessionModule } from 'nest-session';

import { AppController } from './app.controller.js';

@Module({
  imports: [SessionModule.forRoot({ secret: process.env.SESSION_SECRET ?? 'change me to 32 random characters' })],
  controllers: [AppController],
})
export class AppModule {}
