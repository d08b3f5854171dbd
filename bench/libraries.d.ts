// What our programs use of the libraries that only bench/package.json installs, so that they compile without them.

declare module '@fastify/session' {
  import type { FastifyPluginAsync } from 'fastify';

  module 'fastify' {
    interface FastifyRequest {
      session: { regenerate(): Promise<void>; destroy(): Promise<void> };
    }
  }

  const fastifySession: FastifyPluginAsync<Record<string, unknown>>;
  export default fastifySession;
}

declare module 'koa' {
  import type { Server } from 'node:http';

  export interface Context {
    readonly path: string;
    body: unknown;
    /** koa-session puts it here; `null` ends it. */
    session: any;
  }

  export default class Koa {
    keys: string[];
    use(middleware: (context: Context, next: () => Promise<void>) => unknown): this;
    listen(port: number, host: string): Server;
  }
}

declare module 'koa-session' {
  import type Koa from 'koa';
  import type { Context } from 'koa';

  export interface Store {
    get(key: string): Promise<unknown>;
    set(key: string, session: object, maxAge: number): Promise<void>;
    destroy(key: string): Promise<void>;
  }

  export default function koaSession(
    options: { store: Store },
    app: Koa,
  ): (context: Context, next: () => Promise<void>) => unknown;
}
