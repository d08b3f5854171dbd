import {
  Controller,
  createParamDecorator,
  Inject,
  Module,
  UseGuards,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common';
import { ExternalContextCreator, NestFactory } from '@nestjs/core';
import { isObservable, lastValueFrom } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { Session, SessionConfigurationError, SessionGuard, SessionModule, SessionService } from '../../lib/index.js';

const Context = createParamDecorator((_data: unknown, context: ExecutionContext) => context);

/** Its handlers are called as those of a microservice: with the payload, which a client makes, and the context of the transport. */
@Controller()
class Microservice {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  parameter(@Session() session: Session): unknown {
    return session;
  }

  key(@Session('user') user: string): unknown {
    return user;
  }

  @UseGuards(SessionGuard)
  guarded(): unknown {
    return 'passed';
  }

  opening(@Context() context: ExecutionContext): Promise<unknown> {
    return this.sessions.open(context);
  }

  plain(): string {
    return 'plain';
  }
}

// What calls the handlers below finds the guards of providers alone.
@Module({ imports: [SessionModule.forRoot({})], controllers: [Microservice], providers: [Microservice] })
class AppModule {}

describe('a microservice', () => {
  let app: INestApplication;

  beforeEach(async () => {
    app = await NestFactory.create(AppModule, { logger: false });
    await app.init();
  });

  afterEach(() => app.close());

  /** As `@nestjs/microservices` calls a handler, by the same parts of Nest. */
  async function call(method: keyof Microservice): Promise<unknown> {
    const controller = app.get(Microservice);
    const handler = app
      .get(ExternalContextCreator)
      .create(
        controller,
        controller[method] as (...args: unknown[]) => unknown,
        method,
        '__routeArguments__',
        { exchangeKeyForValue: () => undefined },
        undefined,
        undefined,
        { guards: true, interceptors: true, filters: false },
        'rpc' as never,
      );
    const result: unknown = await handler({ headers: { cookie: 'session=forged' } }, {});
    return isObservable(result) ? lastValueFrom(result) : result;
  }

  it.each(['parameter', 'key', 'guarded', 'opening'] as const)('has no session, and says so: %s', async (method) => {
    const calling = call(method);
    await expect(calling).rejects.toThrow(SessionConfigurationError);
    await expect(calling).rejects.toThrow("A context of the type 'rpc' has no request to take a session from");
  });

  it('works where it asks for none', async () => {
    expect(await call('plain')).toBe('plain');
  });
});
