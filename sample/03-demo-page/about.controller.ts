import { Controller, Get, Inject } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { Session, type SessionStore } from 'nest-session';

import { RECORDS } from './records.module.js';
import { storeKey } from './store-key.js';

/** What another program that has access to the store sees of this session. */
@Controller('api/about')
export class AboutController {
  constructor(
    @Inject(RECORDS) private readonly records: SessionStore,
    private readonly config: ConfigService,
  ) {}

  @Get()
  async about(@Session() session: Session) {
    const store = this.config.get<string>('SESSION_STORE', 'memory');
    if (session.isNew) return { store, isNew: true, key: null, record: null };
    const key = storeKey(session.id); // the id itself leaves the server in its cookie alone
    return { store, isNew: false, key, record: (await this.records.get(key)) ?? null };
  }
}
