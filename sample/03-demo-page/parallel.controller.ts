import { setTimeout as wait } from 'node:timers/promises';

import { Controller, Get, HttpCode, NotFoundException, Param, ParseIntPipe, Post, UseGuards } from '@nestjs/common';
import { Session, SessionGuard } from 'nest-session';

import type { DemoData } from './demo-data.js';

/** A key of the session that one request alone writes. */
export type Slot = `slot${number}`;

const SLOTS = Array.from({ length: 20 }, (_, index): Slot => `slot${index + 1}`);

/** Long enough for the requests to have the session open at the same time, each in the state before the others. */
const HOLD_MS = 60;

/** Requests that change one session at the same time. A store that only knows “overwrite” would keep the last of them. */
@Controller('api/parallel')
export class ParallelController {
  @Get()
  result(@Session() session: Session<DemoData>) {
    const kept = SLOTS.map((slot) => session[slot] === true);
    return { kept, counter: session.counter ?? 0 };
  }

  @Post('start')
  @HttpCode(200)
  start(@Session() session: Session<DemoData>) {
    for (const slot of SLOTS) delete session[slot];
    session.counter = 0;
    return this.result(session);
  }

  /** Each request writes a key of its own: the last save keeps what the other requests wrote. */
  @UseGuards(SessionGuard) // without a session each of the requests would start one
  @Post('slots/:number')
  @HttpCode(204)
  async fill(@Session() session: Session<DemoData>, @Param('number', ParseIntPipe) number: number) {
    const slot: Slot = `slot${number}`;
    if (!SLOTS.includes(slot)) throw new NotFoundException('There is no such slot.');
    await wait(HOLD_MS);
    session[slot] = true;
  }

  /** All requests write the same key: `update` runs the function again when another one was first. */
  @UseGuards(SessionGuard)
  @Post('counter')
  @HttpCode(200)
  async count(@Session() session: Session<DemoData>) {
    await wait(HOLD_MS);
    const counter = await session.update((data) => (data.counter = (data.counter ?? 0) + 1));
    return { counter };
  }
}
