import { Module } from '@nestjs/common';
import { SessionModule } from 'nest-session';

import { AppController, type Data } from './app.controller.js';

const secret = process.env.SESSION_SECRET ?? 'change me to 32 random characters'; // signs the cookie

@Module({
  imports: [SessionModule.forRoot({ secret, user: ({ user }: Partial<Data>) => user })], // `user`: whose session it is
  controllers: [AppController],
})
export class AppModule {}
