import { expect, it, vi } from 'vitest';

import { SessionConfigurationError } from '../../../lib/index.js';
import { createBus } from '../../../lib/options/create-bus.js';
import { createStore } from '../../../lib/options/create-store.js';
import { resolveOptions } from '../../../lib/options/resolve-options.js';

vi.mock('ioredis', () => {
  throw new Error('not installed');
});

it('says whether the bus or the store needs the driver that is not installed', async () => {
  const options = resolveOptions({ store: 'redis', bus: 'redis' });
  await expect(createBus('redis', options)).rejects.toThrow(
    new SessionConfigurationError('This bus needs the driver "ioredis", which cannot be loaded: npm i ioredis'),
  );
  await expect(createStore('redis', options)).rejects.toThrow('This store needs the driver "ioredis"');
});
