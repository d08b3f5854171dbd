import {
  Controller,
  Get,
  Inject,
  Injectable,
  Module,
  type DynamicModule,
  type INestApplication,
  type OnModuleInit,
  type Type,
} from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { NestFactory } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { Test } from '@nestjs/testing';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, inject, it, vi } from 'vitest';

import {
  expressSession,
  MemoryStore,
  Session,
  SESSION_STORE,
  SessionConfigurationError,
  SessionModule,
  SessionService,
  type SessionModuleOptions,
  type SessionStore,
} from '../../lib/index.js';
import { Client } from '../fixtures/client.js';
import { Gate } from '../fixtures/gate.js';
import { createOn, nestMajor, platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

@Controller()
class CountController {
  @Get('count')
  count(@Session() session: Session<{ count: number }>): object {
    session.count = (session.count ?? 0) + 1;
    return { count: session.count };
  }
}

@Injectable()
class Settings {
  readonly store = new SpyStore();
}

@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Injectable()
class OptionsMaker {
  constructor(@Inject(Settings) private readonly settings: Settings) {}

  createSessionOptions(): SessionModuleOptions {
    return { store: this.settings.store };
  }
}

@Module({ imports: [SettingsModule], providers: [OptionsMaker], exports: [OptionsMaker] })
class OptionsModule {}

@Injectable()
class InjectedStore extends MemoryStore {
  static made: InjectedStore[] = [];
  closed = 0;

  constructor(@Inject(Settings) readonly settings: Settings) {
    super();
    InjectedStore.made.push(this);
  }

  override async close(): Promise<void> {
    this.closed++;
  }
}

function appModule(sessions: DynamicModule, imports: unknown[] = []): Type {
  class AppModule {}
  Module({ imports: [...(imports as Type[]), sessions], controllers: [CountController] })(AppModule);
  return AppModule;
}

describe.each(platforms)('on %s', (platform) => {
  const apps: INestApplication[] = [];

  afterEach(async () => {
    await Promise.all(apps.splice(0).map((app) => app.close()));
  });

  async function start(module: Type): Promise<[Client, INestApplication]> {
    const app = await createOn(platform, module, { logger: false, abortOnError: false });
    apps.push(app);
    await app.listen(0, '127.0.0.1');
    return [new Client((app.getHttpServer().address() as { port: number }).port), app];
  }

  async function counts(client: Client): Promise<unknown[]> {
    const first = await (await client.get('/count')).json();
    return [first.count, (await (await client.get('/count')).json()).count];
  }

  it.each<[string, () => Type]>([
    ['forRoot without options', () => appModule(SessionModule.forRoot())],
    ['forRoot with a store', () => appModule(SessionModule.forRoot({ store: new SpyStore() }))],
    [
      'forRootAsync with useFactory, inject and imports',
      () =>
        appModule(
          SessionModule.forRootAsync({
            imports: [SettingsModule],
            inject: [Settings],
            useFactory: ({ store }: Settings) => ({ store }),
          }),
        ),
    ],
    [
      'forRootAsync with an async useFactory',
      () => appModule(SessionModule.forRootAsync({ useFactory: async () => ({ store: 'memory' as const }) })),
    ],
    [
      'forRootAsync with useClass',
      () => appModule(SessionModule.forRootAsync({ imports: [SettingsModule], useClass: OptionsMaker })),
    ],
    [
      'forRootAsync with useExisting',
      () => appModule(SessionModule.forRootAsync({ imports: [OptionsModule], useExisting: OptionsMaker })),
    ],
    [
      'a store class with injected dependencies',
      () => appModule(SessionModule.forRoot({ store: InjectedStore, imports: [SettingsModule] })),
    ],
    [
      'Redis by its URL',
      () => appModule(SessionModule.forRoot({ store: 'redis', redis: { url: inject('redisUrl') } })),
    ],
    [
      'Memcached by its servers',
      () => appModule(SessionModule.forRoot({ store: 'memcached', memcached: { servers: inject('memcachedServer') } })),
    ],
  ])('works with %s', async (_name, module) => {
    const [client] = await start(module());
    expect(await counts(client)).toEqual([1, 2]);
  });

  // @nestjs/config of NestJS 12 is the one installed here.
  if (nestMajor === 12) {
    it('takes its options from ConfigService', async () => {
      const [client] = await start(
        appModule(
          SessionModule.forRootAsync({
            imports: [ConfigModule.forRoot({ ignoreEnvFile: true, load: [() => ({ SESSION_SECRETS: 'new,old' })] })],
            inject: [ConfigService],
            useFactory: (config: ConfigService) => ({
              secret: config.getOrThrow<string>('SESSION_SECRETS').split(','),
            }),
          }),
        ),
      );
      expect(await counts(client)).toEqual([1, 2]);
      expect(client.cookieHeader).toMatch(/^session=[\w-]{32}\.[\w-]{43}$/);
    });
  }

  it('remembers nothing with the null store', async () => {
    const [client] = await start(appModule(SessionModule.forRoot({ store: 'null' })));
    expect(await counts(client)).toEqual([1, 1]);
  });

  it('shares nothing between two applications in one process', async () => {
    const module = (): Type => appModule(SessionModule.forRoot({}));
    const [[one], [two]] = [await start(module()), await start(module())];
    expect(await counts(one)).toEqual([1, 2]);
    two.jar.set('session', one.jar.get('session') as string);
    expect(await counts(two)).toEqual([1, 2]);
    expect(await counts(one)).toEqual([3, 4]);
  });

  it('is global unless told otherwise', async () => {
    @Injectable()
    class Needy {
      constructor(@Inject(SESSION_STORE) readonly store: SessionStore) {}
    }
    @Module({ providers: [Needy] })
    class FeatureModule {}
    const [, app] = await start(appModule(SessionModule.forRoot({}), [FeatureModule]));
    expect(app.get(Needy, { strict: false }).store).toBeInstanceOf(MemoryStore);
    const local = appModule(SessionModule.forRoot({ isGlobal: false }), [FeatureModule]);
    await expect(createOn(platform, local, { logger: false, abortOnError: false })).rejects.toThrow('SESSION_STORE');
  });

  it('closes a store that it made once, after the last request has saved, and leaves a given one alone', async () => {
    InjectedStore.made = [];
    const [, app] = await start(appModule(SessionModule.forRoot({ store: InjectedStore, imports: [SettingsModule] })));
    await app.close();
    expect(InjectedStore.made.map(({ closed }) => closed)).toEqual([1]);
    const given = new InjectedStore(new Settings());
    const [, other] = await start(appModule(SessionModule.forRoot({ store: given })));
    await other.close();
    expect(given.closed).toBe(0);
  });

  it('saves a request in flight before an owned Redis client is closed', async () => {
    const gate = new Gate();
    @Controller()
    class SlowController {
      @Get('slow')
      async slow(@Session() session: Session<{ done: boolean }>): Promise<string> {
        await gate.stop();
        session.done = true;
        return 'done';
      }
    }
    class AppModule {}
    const sessions = SessionModule.forRoot({ store: 'redis', redis: { url: inject('redisUrl') } });
    Module({ imports: [sessions], controllers: [SlowController] })(AppModule);
    const [client, app] = await start(AppModule);
    const answering = client.get('/slow');
    await gate.reached;
    const closing = app.close();
    setImmediate(() => gate.open());
    const answer = await answering;
    await closing;
    expect([answer.status, answer.cookie() !== undefined]).toEqual([200, true]);
  });

  it('opens no socket where a test overrides SESSION_STORE', async () => {
    const store = new SpyStore();
    const testing = await Test.createTestingModule({
      imports: [appModule(SessionModule.forRoot({ store: 'redis', redis: { url: 'redis://127.0.0.1:1' } }))],
    })
      .overrideProvider(SESSION_STORE)
      .useValue(store)
      .compile();
    const app = testing.createNestApplication();
    apps.push(app);
    await app.listen(0, '127.0.0.1');
    const client = new Client((app.getHttpServer().address() as { port: number }).port);
    expect(await counts(client)).toEqual([1, 2]);
    expect(store.taken()).toBe('create read replace');
  });

  it.each([
    ['a named store', 'memory'],
    ['a store of yours', new SpyStore()],
    ['a store class', SpyStore],
  ] as const)('keeps the application from the keys of sessions: %s', async (_kind, store) => {
    const app = await createOn(
      platform,
      appModule(SessionModule.forRoot({ store: store as never, keyPrefix: 'mine:' })),
      {
        logger: false,
      },
    );
    apps.push(app);
    const given = app.get<SessionStore>(SESSION_STORE);
    const refused = "Keys that begin with 'mine:' belong to sessions";
    await expect(given.get('mine:1')).rejects.toThrow(refused);
    await expect(given.set('mine:1', 'forged', 60)).rejects.toThrow(refused);
    await expect(given.delete('mine:1')).rejects.toThrow(refused);
    await expect(given.read('mine:1')).rejects.toThrow(refused);
    await expect(given.create('mine:1', 'forged', 60)).rejects.toThrow(refused);
    await expect(given.replace('mine:1', 'forged', 60, 1)).rejects.toThrow(refused);
    // Drivers make a key of an array's first item, and a body of JSON may hold one.
    for (const key of [['mine:1'], { toString: () => 'mine:1' }, undefined, 1]) {
      await expect(given.get(key as string)).rejects.toThrow('A key of SESSION_STORE is a string');
      await expect(given.set(key as string, 'forged', 60)).rejects.toThrow('A key of SESSION_STORE is a string');
    }
    await given.set('yours:1', 'value', 60);
    expect([await given.get('yours:1'), await given.delete('yours:1')]).toEqual(['value', true]);
    if (store !== 'memory') expect(given).toBeInstanceOf(SpyStore);
    if (store !== 'memory') expect((given as SpyStore).taken()).toBe('set get delete');
  });

  it('calls the lifecycle hooks of a store class, whose further methods the application reaches', async () => {
    const seen: string[] = [];
    class HookedStore extends MemoryStore implements OnModuleInit {
      readonly #name = 'hooked';
      greeting = 'hello';

      onModuleInit(): void {
        seen.push(`init ${this.#name}`);
      }

      hello(): string {
        return `${this.greeting} from ${this.#name}`;
      }
    }
    const app = await createOn(platform, appModule(SessionModule.forRoot({ store: HookedStore })), { logger: false });
    apps.push(app);
    await app.init();
    const given = app.get<HookedStore>(SESSION_STORE);
    expect([seen, given.hello()]).toEqual([['init hooked'], 'hello from hooked']);
    given.greeting = 'goodbye';
    expect([given.greeting, given.hello()]).toEqual(['goodbye', 'goodbye from hooked']);
  });

  it('keeps the application from the sessions that migrateFrom takes over', async () => {
    const migrateFrom = expressSession({ secret: 's'.repeat(32), prefix: 'old:' });
    const app = await createOn(platform, appModule(SessionModule.forRoot({ migrateFrom })), { logger: false });
    apps.push(app);
    const given = app.get<SessionStore>(SESSION_STORE);
    await expect(given.set('old:1', 'forged')).rejects.toThrow("Keys that begin with 'old:' belong to sessions");
  });

  it('takes a frozen store, and gives its methods as the same functions each time', async () => {
    const inner = new MemoryStore();
    const verbs = ['get', 'set', 'delete', 'read', 'create', 'replace'] as const;
    const frozen = Object.freeze(
      Object.fromEntries(verbs.map((verb) => [verb, (...args: never[]) => Reflect.apply(inner[verb], inner, args)])),
    ) as unknown as SessionStore;
    const app = await createOn(platform, appModule(SessionModule.forRoot({ store: frozen })), { logger: false });
    apps.push(app);
    const given = app.get<SessionStore>(SESSION_STORE);
    await given.set('key', 'value');
    expect([await given.get('key'), given.get === given.get, 'get' in given]).toEqual(['value', true, true]);
    const get = vi.spyOn(given, 'get');
    await given.get('key');
    expect(get).toHaveBeenCalledOnce();
  });

  it('has no session for a microservice, whatever its payload looks like', async () => {
    const context = await NestFactory.createApplicationContext(appModule(SessionModule.forRoot({})), { logger: false });
    const host = new ExecutionContextHost([{ headers: { cookie: 'session=x' } }, {}]);
    const sessions = context.get(SessionService);
    for (const type of ['rpc', 'something else']) {
      host.setType(type);
      await expect(sessions.open(host)).rejects.toThrow(`A context of the type '${type}' has no request`);
      expect(() => sessions.opened(host)).toThrow(SessionConfigurationError);
    }
    await context.close();
  });

  it('starts without HTTP', async () => {
    const context = await NestFactory.createApplicationContext(appModule(SessionModule.forRoot({})), { logger: false });
    const store = context.get<SessionStore>(SESSION_STORE);
    await store.set('key', 'value');
    expect(await store.get('key')).toBe('value');
    expect(context.get(SessionService)).toBeInstanceOf(SessionService);
    await context.close();
  });

  it.each<[string, SessionModuleOptions]>([
    ['option', { idleTimeout: 0 }],
    ['store', { store: {} as SessionStore }],
    ['store class', { store: Settings as never }],
    ['client', { store: 'redis', redis: { client: null as never } }],
  ])('does not start with a wrong %s', async (_what, session) => {
    const starting = createOn(platform, appModule(SessionModule.forRoot(session)), {
      logger: false,
      abortOnError: false,
    });
    await expect(starting).rejects.toThrow(SessionConfigurationError);
  });

  it('warns at start-up of an option that is most likely a slip', async () => {
    const app = await SessionApp.start(platform, { session: { secret: undefined } });
    await app.close();
    expect(app.warnings).toEqual([expect.stringContaining('`secret` is there but undefined')]);
  });

  it('leaves a Redis client of yours open and as it was, when the application is closed', async () => {
    const client = new Redis(inject('redisUrl'));
    const listeners = (): unknown => client.eventNames().map((event) => [event, client.listenerCount(event)]);
    await client.ping();
    const before = listeners();
    const [browser, app] = await start(appModule(SessionModule.forRoot({ store: 'redis', redis: { client } })));
    expect(await counts(browser)).toEqual([1, 2]);
    expect(listeners()).not.toEqual(before);
    await app.close();
    expect(listeners()).toEqual(before);
    expect(await client.quit()).toBe('OK');
  });

  it('refuses a factory that returns nothing', async () => {
    const module = appModule(
      SessionModule.forRootAsync({ useFactory: () => undefined as unknown as SessionModuleOptions }),
    );
    const starting = createOn(platform, module, { logger: false, abortOnError: false });
    await expect(starting).rejects.toThrow('let the factory return an object');
  });

  it.each([
    ['alone', []],
    ['beside one that has some', [SessionModule.forRoot()]],
  ])('refuses a SessionModule without options, %s', async (_where, others) => {
    class Bare {}
    Module({ imports: [SessionModule, ...others], controllers: [CountController] })(Bare);
    const starting = createOn(platform, Bare, { logger: false, abortOnError: false });
    await expect(starting).rejects.toThrow(SessionConfigurationError);
    await expect(starting).rejects.toThrow('SessionModule has no options');
  });

  it('says what is missing where SessionModule was not imported', async () => {
    class Bare {}
    Module({ controllers: [CountController] })(Bare);
    const [client] = await start(Bare);
    expect((await client.get('/count')).status).toBe(500);
  });
});
