import { createHash } from 'node:crypto';
import type { OutgoingHttpHeaders } from 'node:http';

import { Controller, Get, Inject, Post, Query, UseGuards } from '@nestjs/common';

import { Session, SessionGuard, type SessionModuleOptions, type SessionStore } from '../../lib/index.js';
import { openBackEnd, type BackEnd, type OpenBackEnd } from '../fixtures/back-ends.js';
import type { Answer, Client } from '../fixtures/client.js';
import { Gate } from '../fixtures/gate.js';
import type { Platform } from '../fixtures/platforms.js';
import { SessionApp, type SessionAppOptions } from '../fixtures/session-app.js';

/** What the application keeps in a session. */
export interface Account {
  user: string;
  items: string[];
}

/** The back-ends on which the security of a session is looked at. */
export const accountBackEnds: readonly BackEnd[] = ['memory', 'redis', 'memcached'];

/** An application with accounts, written as its author should. */
@Controller()
export class AccountController {
  constructor(@Inject(Gate) private readonly gate: Gate) {}

  @Get('visit')
  visit(@Session() session: Session<Account>): object {
    return { user: session.user ?? null, items: session.items ?? [], isNew: session.isNew };
  }

  @UseGuards(SessionGuard)
  @Get('me')
  me(@Session() session: Session<Account>): object {
    return { user: session.user ?? null };
  }

  @Get('plain')
  plain(): string {
    return 'plain';
  }

  @Post('cart')
  add(@Session() session: Session<Account>, @Query('item') item: string): void {
    session.items = [...(session.items ?? []), item];
  }

  @Post('login')
  async login(@Session() session: Session<Account>, @Query('name') name: string): Promise<void> {
    await session.regenerate({ keep: ['items'] });
    session.user = name;
  }

  /** Renews the session though nothing changed. */
  @Post('stay')
  stay(@Session() session: Session<Account>): void {
    session.touch();
  }

  @Post('logout')
  logout(@Session() session: Session<Account>): Promise<void> {
    return session.destroy();
  }

  /** Holds its session while others go by, and writes late. */
  @Post('slow')
  async slow(@Session() session: Session<Account>): Promise<object> {
    const user = session.user ?? null;
    await this.gate.stop();
    session.items = ['late'];
    return { user };
  }
}

/** Two instances of one application that share a back-end, as behind a load balancer. */
export class AccountApps {
  private constructor(
    readonly first: SessionApp,
    readonly second: SessionApp,
    /** What `/slow` waits for. */
    readonly gate: Gate,
    readonly backEnd: OpenBackEnd,
  ) {}

  static async start(
    platform: Platform,
    backEndName: BackEnd = 'memory',
    session: SessionModuleOptions = {},
    more: SessionAppOptions = {},
  ): Promise<AccountApps> {
    const backEnd = await openBackEnd(backEndName);
    const gate = new Gate();
    const options: SessionAppOptions = {
      ...more,
      session: { store: backEnd.store, ...session },
      controllers: [AccountController, ...(more.controllers ?? [])],
      providers: [{ provide: Gate, useValue: gate }],
    };
    const [first, second] = [await SessionApp.start(platform, options), await SessionApp.start(platform, options)];
    return new AccountApps(first, second, gate, backEnd);
  }

  get store(): SessionStore {
    return this.backEnd.store;
  }

  /** What either has logged; Nest's logger is one for the whole process. */
  get warnings(): readonly string[] {
    return [...this.first.warnings, ...this.second.warnings];
  }

  /** A browser at the first instance that has signed in. */
  async signedIn(name = 'ada'): Promise<Client> {
    const client = this.first.client();
    await client.post(`/login?name=${name}`);
    return client;
  }

  /** What each instance answers to this very cookie, whatever the browser has been told since. */
  async answers(cookie: string, path = '/me'): Promise<Answer[]> {
    return [await this.first.client().get(path, { cookie }), await this.second.client().get(path, { cookie })];
  }

  /** The status of `/me` at each instance: 200 with a session of ours, else 401. */
  async doors(cookie: string): Promise<number[]> {
    return (await this.answers(cookie)).map(({ status }) => status);
  }

  /** What the back-end holds under the id of this cookie. */
  recordOf(cookie: string): Promise<string | undefined> {
    return this.store.get(keyOf(idOf(cookie)));
  }

  async close(): Promise<void> {
    await Promise.all([this.first.close(), this.second.close()]);
    await this.backEnd.close();
  }
}

/** What a proxy that ends TLS says of a browser's request; the application has to trust it. */
export const OVER_HTTPS = { 'x-forwarded-proto': 'https' } as const;
export const TRUSTING = { trustProxy: 'loopback' } as const;

/** The Set-Cookie lines of a whole session: how it starts, changes its id at a login, is renewed and ends. */
export async function cookieLinesOf({ first }: AccountApps, headers: OutgoingHttpHeaders = {}): Promise<string[]> {
  const client = first.client();
  const lines: string[] = [];
  for (const path of ['/cart?item=tea', '/login?name=ada', '/stay', '/logout']) {
    const { setCookie } = await client.post(path, { headers });
    if (setCookie.length !== 1) throw new Error(`${path} sent ${setCookie.length} cookies.`);
    lines.push(...setCookie);
  }
  return lines;
}

/** The attributes of a Set-Cookie line, by their names in lower case. */
export function attributesOf(line: string): Map<string, string> {
  const [, ...attributes] = line.split('; ');
  return new Map(
    attributes.map((attribute) => {
      const [name = '', value = ''] = attribute.split('=');
      return [name.toLowerCase(), value];
    }),
  );
}

/** The session id in a `Cookie` header that holds our cookie alone, signed or not. */
export function idOf(cookie: string): string {
  const value = cookie.slice(cookie.indexOf('=') + 1);
  const end = value.lastIndexOf('.');
  return end === -1 ? value : value.slice(0, end);
}

/** The store's key of an id, as the documentation gives it. */
export function keyOf(id: string): string {
  return `session:${createHash('sha256').update(id).digest('base64url')}`;
}
