import { Controller, Get, Inject, Injectable, Module, Post, UseGuards } from '@nestjs/common';
import {
  Session,
  SESSION_STORE,
  SessionGuard,
  SessionModule,
  SessionService,
  type SessionStore,
  type StoreName,
} from 'nest-session';
import { RedisBus } from 'nest-session/buses/redis';
import { MemcachedStore } from 'nest-session/stores/memcached';
import { RedisStore } from 'nest-session/stores/redis';

interface Cart {
  items: string[];
  user: string;
}

/** With `declaration: true` the compiler has to name what this method returns. */
@Injectable()
export class Carts {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  async of(request: object) {
    return this.sessions.open<Cart>(request);
  }
}

@Controller()
class CartController {
  constructor(@Inject(SESSION_STORE) private readonly store: SessionStore) {}

  @Post('cart')
  add(@Session() session: Session<Cart>): number {
    session.items ??= [];
    session.items.push('teapot');
    return session.items.length;
  }

  @Post('login')
  async login(@Session() session: Session<Cart>): Promise<void> {
    await session.regenerate({ keep: true });
    session.user = 'ada';
  }

  @UseGuards(SessionGuard)
  @Get('me')
  me(@Session('user') user: string, @Session() session: Session<Cart>): object {
    return { user, items: session.items };
  }

  @Post('logout')
  logout(@Session() session: Session): Promise<void> {
    return session.destroy();
  }

  @Get('store')
  async kind(): Promise<object> {
    await this.store.set('consumer:seen', 'yes', 60);
    return {
      isRedis: this.store instanceof RedisStore,
      isMemcached: this.store instanceof MemcachedStore,
      hasBus: typeof RedisBus.connect === 'function',
      seen: await this.store.get('consumer:seen'),
    };
  }
}

@Module({
  imports: [
    SessionModule.forRootAsync({
      useFactory: () => ({
        store: process.env['SESSION_STORE'] as StoreName,
        redis: { url: process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379' },
        secret: 'a secret for a test and for nothing else',
      }),
    }),
  ],
  controllers: [CartController],
  providers: [Carts],
})
export class AppModule {}
