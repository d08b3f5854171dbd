import {
  Catch,
  Controller,
  Get,
  Inject,
  Injectable,
  Req,
  Scope,
  Session as NestSession,
  UseGuards,
  UseInterceptors,
  type ArgumentsHost,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type Provider,
  type Type,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { catchError, of, type Observable } from 'rxjs';
import { beforeEach, describe, expect, it } from 'vitest';

import { Session, SessionError, SessionGuard, SessionInterceptor, SessionService } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

type Exposed = { session: { n?: number } };

function count(request: Exposed): string {
  request.session.n = (request.session.n ?? 0) + 1;
  return 'counted';
}

@Injectable()
class OwnGuard extends SessionGuard {}

/** Opens the session by itself, as guards of applications do. */
@Injectable()
class OpeningGuard implements CanActivate {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    return (await this.sessions.open(context)) !== undefined;
  }
}

@Injectable()
class Inner {
  @Inject(SessionService) readonly sessions!: SessionService;
}

@Injectable()
class Outer {
  constructor(@Inject(Inner) readonly inner: Inner) {}
}

@Controller()
class Injecting {
  constructor(@Inject(Outer) private readonly outer: Outer) {}

  @Get('injected')
  async injected(@Req() request: Exposed): Promise<string> {
    await this.outer.inner.sessions.open(request);
    return count(request);
  }
}

@Controller()
class Parameters {
  @Get('start')
  start(@Session() session: Exposed['session']): string {
    session.n = 1;
    return 'started';
  }

  @Get('own-parameter')
  own(@Session() _session: object, @Req() request: Exposed): string {
    return count(request);
  }

  @Get('one-key')
  key(@Session('n') _n: number, @Req() request: Exposed): string {
    return count(request);
  }

  @Get('nest-parameter')
  nest(@NestSession() _session: object, @Req() request: Exposed): string {
    return count(request);
  }
}

class Base {
  @Get('inherited')
  inherited(@Session() _session: object, @Req() request: Exposed): string {
    return count(request);
  }
}

@Controller()
class Heir extends Base {}

@Controller()
class GuardedMethods {
  @UseGuards(SessionGuard)
  @Get('guarded-method')
  guarded(@Req() request: Exposed): string {
    return count(request);
  }

  @UseGuards(OpeningGuard)
  @Get('opening-guard')
  opening(@Req() request: Exposed): string {
    return count(request);
  }

  @UseGuards(OwnGuard)
  @Get('own-guard')
  own(@Req() request: Exposed): string {
    return count(request);
  }
}

@UseGuards(SessionGuard)
@Controller()
class GuardedClass {
  @Get('guarded-class')
  guarded(@Req() request: Exposed): string {
    return count(request);
  }
}

/** Takes any error for one of the handler, and responds all the same. */
@Injectable()
class Swallowing implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(catchError(() => of('swallowed')));
  }
}

@Controller()
class SwallowingMethods {
  @UseInterceptors(Swallowing)
  @Get('swallowing-method')
  swallowing(@Session() _session: object, @Req() request: Exposed): string {
    return count(request);
  }
}

@UseInterceptors(Swallowing)
@Controller()
class SwallowingClass {
  @Get('swallowing-class')
  swallowing(@Session() _session: object, @Req() request: Exposed): string {
    return count(request);
  }
}

class Shared {
  @Get('shared')
  shared(@Session() _session: object, @Req() request: Exposed): string {
    return count(request);
  }
}

/** The two heirs share one handler: this one has the interceptor on its class, the other one on the handler. */
@UseInterceptors(Swallowing)
@Controller('swallowing-heir')
class SwallowingHeir extends Shared {}

@Controller('heir')
class PlainHeir extends Shared {}

@Controller()
class Plain {
  @Get('plain')
  plain(): string {
    return 'plain';
  }

  @UseInterceptors(SessionInterceptor)
  @Get('by-hand')
  byHand(@Session() _session: object, @Req() request: Exposed): string {
    return count(request);
  }
}

/** Guarded by nothing but a guard of the whole application. */
@Controller()
class Unguarded {
  @Get('global-guard')
  guarded(@Req() request: Exposed): string {
    return count(request);
  }
}

@Catch(SessionError)
class SessionFilter implements ExceptionFilter {
  static seen: unknown[] = [];

  catch(error: SessionError, host: ArgumentsHost): void {
    SessionFilter.seen.push(error);
    host.switchToHttp().getResponse<{ status(code: number): { send(body: unknown): void } }>().status(418).send('seen');
  }
}

function interceptorsOf({ prototype }: Type, key: string): unknown[] {
  const handler = (prototype as Record<string, object>)[key] as object;
  return (Reflect.getMetadata('__interceptors__', handler) ?? []) as unknown[];
}

describe.each(platforms)('on %s, the exception filters see a failed save', (platform) => {
  let store: SpyStore;

  beforeEach(() => {
    store = new SpyStore();
    SessionFilter.seen = [];
  });

  /** What a visitor with a session gets whose change cannot be saved. */
  async function statusOf(route: string, controllers: Type[], providers: Provider[] = []): Promise<number | undefined> {
    // A guard of the whole application would let no visitor start a session.
    const first = await SessionApp.start(platform, { session: { store }, controllers: [Parameters] });
    const newcomer = first.client();
    await newcomer.get('/start');
    await first.close();
    const app = await SessionApp.start(platform, {
      session: { store },
      controllers: [Parameters, ...controllers],
      providers,
      setUp: (nest) => void nest.useGlobalFilters(new SessionFilter()),
    });
    const visitor = app.client();
    visitor.jar.set('session', newcomer.jar.get('session') as string);
    store.failing.add('replace');
    const { status } = await visitor.get(`/${route}`);
    await app.close();
    return status;
  }

  it.each<[string, Type]>([
    ['own-parameter', Parameters],
    ['one-key', Parameters],
    ['nest-parameter', Parameters],
    ['inherited', Heir],
    ['guarded-method', GuardedMethods],
    ['own-guard', GuardedMethods],
    ['opening-guard', GuardedMethods],
    ['injected', Injecting],
    ['guarded-class', GuardedClass],
    ['by-hand', Plain],
    ['swallowing-method', SwallowingMethods],
    ['swallowing-class', SwallowingClass],
  ])('of /%s', async (route, controller) => {
    const controllers = controller === Parameters ? [] : [controller];
    expect([await statusOf(route, controllers, [Inner, Outer]), SessionFilter.seen.length]).toEqual([418, 1]);
  });

  it.each(['heir', 'swallowing-heir'])('of /%s/shared, which two controllers inherit', async (path) => {
    const controllers = [SwallowingHeir, PlainHeir];
    expect([await statusOf(`${path}/shared`, controllers), SessionFilter.seen.length]).toEqual([418, 1]);
  });

  it.each<[string, Provider]>([
    ['a class', { provide: APP_GUARD, useClass: SessionGuard }],
    ['a provider that exists', { provide: APP_GUARD, useExisting: SessionGuard }],
    ['a class that extends it', { provide: APP_GUARD, useClass: OwnGuard }],
    ['a guard that opens the session', { provide: APP_GUARD, useClass: OpeningGuard }],
    ['that guard for each request anew', { provide: APP_GUARD, useClass: OpeningGuard, scope: Scope.REQUEST }],
  ])('of all handlers where the guard is global, as %s', async (_how, provider) => {
    expect([await statusOf('global-guard', [Unguarded], [provider]), SessionFilter.seen.length]).toEqual([418, 1]);
  });

  it('but not where an interceptor of the whole application swallows it, which the log then says', async () => {
    const app = await SessionApp.start(platform, {
      session: { store },
      controllers: [Parameters],
      setUp: (nest) => void nest.useGlobalInterceptors(new Swallowing()),
    });
    const visitor = app.client();
    await visitor.get('/start');
    store.failing.add('replace');
    expect(await (await visitor.get('/own-parameter')).text()).toBe('swallowed');
    await app.close();
    expect(app.warnings.join()).toMatch(/GET \/own-parameter could not be saved, but .* responds with 200/);
  });

  it('and no other handler pays for the interceptor', async () => {
    const app = await SessionApp.start(platform, { session: { store }, controllers: [Plain, Heir] });
    expect(await (await app.client().get('/plain')).text()).toBe('plain');
    await app.close();
    expect(interceptorsOf(Plain, 'plain')).toEqual([]);
    expect(interceptorsOf(Heir, 'inherited')).toHaveLength(1);
  });
});
