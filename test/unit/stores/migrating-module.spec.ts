import { Injectable, Module, type INestApplication, type OnModuleInit } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from 'vitest';

import {
  getSessionStoreToken,
  MemoryStore,
  SESSION_STORE,
  SessionModule,
  type SessionStore,
} from '../../../lib/index.js';

@Injectable()
class OwnStore extends MemoryStore implements OnModuleInit {
  isReady = false;

  onModuleInit(): void {
    this.isReady = true;
  }

  ready(): boolean {
    return this.isReady;
  }
}

async function started(...imports: ReturnType<typeof SessionModule.forRoot>[]): Promise<INestApplication> {
  @Module({ imports })
  class AppModule {}
  const app = (await Test.createTestingModule({ imports: [AppModule] }).compile()).createNestApplication();
  return app.init();
}

describe('SESSION_STORE while sessions move', () => {
  it("keeps the class, the methods and the lifecycle hooks of the application's own store", async () => {
    const app = await started(SessionModule.forRoot({ store: OwnStore, migrateFrom: new MemoryStore() }));
    const store = app.get<OwnStore>(SESSION_STORE);
    expect([store instanceof OwnStore, store.ready()]).toEqual([true, true]);
    await app.close();
  });

  it('refuses the former prefix of the keys to the application, through the store of another module, too', async () => {
    const store = new MemoryStore();
    const app = await started(
      SessionModule.forRoot({ store, keyPrefix: 'shop:', migrateFrom: { store, keyPrefix: 'old:' } }),
      SessionModule.forRoot({ name: 'admin', store }),
    );
    const other = app.get<SessionStore>(getSessionStoreToken('admin'), { strict: false });
    await expect(other.set('old:forged', '{}')).rejects.toThrow("Keys that begin with 'old:' belong to sessions");
    await app.close();
  });

  it('refuses to move sessions whose keys begin with nothing, as values of the application would move with them', async () => {
    const options = { store: new MemoryStore(), keyPrefix: '', migrateFrom: new MemoryStore() };
    await expect(started(SessionModule.forRoot(options))).rejects.toThrow("keyPrefix is ''");
  });

  it('refuses two memory stores with one snapshot', async () => {
    const memory = { snapshot: '/tmp/never-written' };
    const options = { memory, keyPrefix: 'new:', migrateFrom: { store: 'memory', memory, keyPrefix: 'old:' } } as const;
    await expect(started(SessionModule.forRoot(options))).rejects.toThrow('same snapshot');
    const dotted = { ...options, memory: { snapshot: '/tmp/../tmp/never-written' } };
    await expect(started(SessionModule.forRoot(dotted))).rejects.toThrow('same snapshot');
    const modules = [SessionModule.forRoot({ memory }), SessionModule.forRoot({ name: 'admin', memory })];
    await expect(started(...modules)).rejects.toThrow('same snapshot');
    const left = { store: new MemoryStore(), migrateFrom: { store: 'memory', memory } } as const;
    const leaving = [SessionModule.forRoot({ memory }), SessionModule.forRoot({ name: 'admin', ...left })];
    await expect(started(...leaving)).rejects.toThrow('same snapshot');
  });
});
