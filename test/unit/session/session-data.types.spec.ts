import { describe, expect, it } from 'vitest';

import { complaintsOf } from '../../fixtures/type-program.js';

const IMPORTS = `
import { Controller, Get, ParseIntPipe } from '@nestjs/common';
import { Session, type LiveSession, type SessionData, type SessionService } from 'nest-session';
interface User { name: string }
`;

const DECLARED = `${IMPORTS}
declare module 'nest-session' {
  interface SessionData { user: User; visits?: number; anything: unknown }
}
`;

describe('where the application declares what its sessions hold', () => {
  it('a session has these keys, each of which may be missing', () => {
    expect(
      complaintsOf(`${DECLARED}
        export async function program(session: Session, sessions: SessionService, request: object) {
          session.user = { name: 'ada' };
          session.visits = (session.visits ?? 0) + 1;
          const opened: LiveSession<SessionData> = await sessions.open(request);
          await opened.update((data) => (data.visits = 1));
          await opened.regenerate({ keep: ['user'] });
          return sessions.opened(request)?.user?.name;
        }
      `),
    ).toEqual({});
  });

  it('a key that is not declared, or another type, is refused', () => {
    const complaints = complaintsOf(`${DECLARED}
      export async function program(session: Session, sessions: SessionService, request: object) {
        session.usr = { name: 'ada' };
        session.user = 'ada';
        void session.user.name;
        (await sessions.open(request)).visitz = 1;
        await session.update((data) => (data.usr = { name: 'ada' }));
        await session.regenerate({ keep: ['usr'] });
        const data: SessionData = { user: { name: 'ada' }, anything: 1, usr: 1 };
        return data;
      }
    `);
    expect(Object.keys(complaints)).toEqual([
      `session.usr = { name: 'ada' };`,
      `session.user = 'ada';`,
      'void session.user.name;',
      '(await sessions.open(request)).visitz = 1;',
      `await session.update((data) => (data.usr = { name: 'ada' }));`,
      `await session.regenerate({ keep: ['usr'] });`,
      `const data: SessionData = { user: { name: 'ada' }, anything: 1, usr: 1 };`,
    ]);
  });

  it('one handler can name data of its own', () => {
    expect(
      complaintsOf(`${DECLARED}
        export async function program(session: Session<{ likes: number }>, sessions: SessionService, request: object) {
          session.likes = 1;
          (await sessions.open<{ likes: number }>(request)).likes = 2;
        }
      `),
    ).toEqual({});
  });

  it('a parameter takes a declared key, as its type or a wider one', () => {
    expect(
      complaintsOf(`${DECLARED}
        @Controller()
        export class Routes {
          @Get() plain(@Session('user') user: User, @Session('visits') visits: number) { return [user, visits]; }
          @Get() missing(@Session('user') user: User | undefined, @Session('visits') visits?: number) { return [user, visits]; }
          @Get() wider(@Session('user') user: { name: unknown }, @Session('user') other: unknown) { return [user, other]; }
          @Get() parts(@Session('user') { name }: User) { return name; }
          @Get() unknown(@Session('anything') anything: string) { return anything; }
          @Get() whole(@Session() session: Session, @Session() other: Session<{ likes: number }>) { return [session, other]; }
          @Get() piped(@Session('user', ParseIntPipe) user: number) { return user; }
          @Get() inferred(@Session('user') user: User) { return this.parts(user); }
          @Get() own(@CurrentUser() user: string) { return user; }
        }
        function CurrentUser(): ParameterDecorator { return Session('user'); }
      `),
    ).toEqual({});
  });

  it('a parameter of another type, or of a key that is not declared, does not compile', () => {
    const complaints = complaintsOf(`${DECLARED}
      @Controller()
      export class Routes {
        @Get() wrong(
          @Session('user') user: string,
          @Session('visits') visits: number | null,
          @Session('visits') days: Date,
          @Session('user') narrower: User & { id: number },
          @Session('usr') misspelt: User,
          @Session('usr', ParseIntPipe) piped: number,
        ) {
          return [user, visits, days, narrower, misspelt, piped];
        }
      }
    `);
    expect(Object.keys(complaints)).toEqual([
      `@Session('user') user: string,`,
      `@Session('visits') days: Date,`,
      `@Session('user') narrower: User & { id: number },`,
      `@Session('usr') misspelt: User,`,
      `@Session('usr', ParseIntPipe) piped: number,`,
    ]);
    expect(complaints[`@Session('user') user: string,`]).toContain(`'The session holds': User`);
  });
});

describe('where the application declares nothing', () => {
  it('a session has any key, with a value to check before use', () => {
    const complaints = complaintsOf(`${IMPORTS}
      export async function program(session: Session, sessions: SessionService, request: object) {
        session.anything = 1;
        (await sessions.open(request)).other = 'text';
        await session.update((data) => (data.more = true));
        await session.regenerate({ keep: ['anything'] });
        const text: string = session.anything;
        return text;
      }
    `);
    expect(Object.keys(complaints)).toEqual(['const text: string = session.anything;']);
  });

  it('a parameter takes any key, as any type', () => {
    expect(
      complaintsOf(`${IMPORTS}
        @Controller()
        export class Routes {
          @Get() plain(@Session('user') user: User, @Session('visits') visits: number) { return [user, visits]; }
          @Get() keyed(@Key('user') user: User) { return user; }
        }
        function Key(key: string) { return Session(key); }
      `),
    ).toEqual({});
  });
});
