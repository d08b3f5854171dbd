import { Controller, Get, HttpCode, Post } from '@nestjs/common';
import { Session } from 'nest-session';

import type { DemoData } from './demo-data.js';

@Controller('api/visits')
export class VisitsController {
  @Get()
  visits(@Session() session: Session<DemoData>) {
    return { visits: session.visits ?? 0, firstVisit: session.firstVisit ?? null };
  }

  /** The page calls this each time it is loaded. A visitor's first call is what starts the session. */
  @Post()
  @HttpCode(200)
  visit(@Session() session: Session<DemoData>) {
    session.visits = (session.visits ?? 0) + 1;
    session.firstVisit ??= new Date(); // a Date now, and a Date when it is read again
    return this.visits(session);
  }
}
