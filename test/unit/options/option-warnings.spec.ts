import { randomBytes } from 'node:crypto';

import { describe, expect, it } from 'vitest';

import { HmacSigner, type SessionModuleOptions } from '../../../lib/index.js';
import { optionWarnings } from '../../../lib/options/option-warnings.js';

describe('optionWarnings', () => {
  it.each<[string, SessionModuleOptions]>([
    ['the defaults', {}],
    ['a long secret', { secret: 's'.repeat(32) }],
    ['32 random bytes', { secret: randomBytes(32) }],
    ['a secret that is left out', { signer: new HmacSigner('short'), secret: undefined }],
    ['a URL beside a host', { store: 'redis', redis: { url: undefined, host: '127.0.0.1' } }],
    ['a URL that is not used', { redis: { url: undefined } }],
    ['a URL of PostgreSQL beside a host', { store: 'postgres', postgres: { url: undefined, host: 'h' } }],
    ['a URL of MongoDB that is not used', { store: 'redis', mongo: { url: undefined } }],
    ['a snapshot that is not used', { store: 'redis', memory: { snapshot: undefined } }],
    ['a snapshot', { memory: { snapshot: '/p' } }],
    ['servers that are not used', { memcached: { servers: undefined } }],
    ['a URL beside a store that is chosen', { store: 'memory', redis: { url: 'redis://127.0.0.1:6379' } }],
    ['a lifetime of 400 days', { idleTimeout: 34_560_000, absoluteTimeout: '9000d' }],
    ['a bus beside a store that processes share', { store: 'redis', bus: 'redis' }],
  ])('says nothing of %s', (_what, options) => {
    expect(optionWarnings(options)).toEqual([]);
  });

  it.each<[string, SessionModuleOptions, string]>([
    ['a short secret', { secret: 's'.repeat(31) }, '`secret` is shorter than 32 characters'],
    ['several short secrets', { secret: ['s'.repeat(32), 'old', 'older'] }, '`secret` is shorter than 32 characters'],
    ['unsigned cookies', { secret: 's'.repeat(32), acceptUnsigned: true }, '`acceptUnsigned` is on'],
    ['a secret that is undefined', { secret: undefined }, '`secret` is there but undefined'],
    ['a URL that is undefined', { store: 'redis', redis: { url: undefined } }, '`redis.url` is there but undefined'],
    [
      'servers that are undefined',
      { store: 'memcached', memcached: { servers: undefined } },
      '`memcached.servers` is there but undefined, so it does not say where Memcached is',
    ],
    [
      'a URL of PostgreSQL that is undefined',
      { store: 'postgres', postgres: { url: undefined } },
      "`postgres.url` is there but undefined, so it does not say where PostgreSQL is: set it, or leave it out for the environment's PGHOST.",
    ],
    ['a URL of MongoDB that is undefined', { store: 'mongo', mongo: { url: undefined } }, '`mongo.url` is there but'],
    [
      'a project that is undefined',
      { store: 'datastore', datastore: { projectId: undefined } },
      '`datastore.projectId` is there but undefined, so it does not say which project it is',
    ],
    ['PostgreSQL without a store', { postgres: { url: 'postgres://h/d' } }, "write store: 'postgres'"],
    ['MongoDB without a store', { mongo: { url: 'mongodb://h' } }, "write store: 'mongo'"],
    ['a directory without a store', { file: { directory: '/d' } }, "write store: 'file'"],
    ['a project without a store', { datastore: { projectId: 'p' } }, "write store: 'datastore'"],
    ['a client without a store', { mongo: { client: {} } } as SessionModuleOptions, "write store: 'mongo'"],
    [
      'such a URL of the store that sessions leave',
      { store: 'memory', migrateFrom: { store: 'redis', redis: { url: undefined } } },
      'In `migrateFrom`: `redis.url` is there but undefined',
    ],
    ['a URL without a store', { redis: { url: 'redis://127.0.0.1:6379' } }, "write store: 'redis'"],
    ['servers without a store', { memcached: { servers: '127.0.0.1:11211' } }, "write store: 'memcached'"],
    ['milliseconds', { idleTimeout: 14 * 24 * 3_600_000 }, '`idleTimeout` is longer than 400 days'],
    ['a day in milliseconds', { absoluteTimeout: 86_400_000 }, '`absoluteTimeout` is longer than 400 days'],
    ['half a day in milliseconds', { idleTimeout: 43_200_000 }, '`idleTimeout` is longer than 400 days'],
    [
      'a snapshot that is undefined',
      { memory: { snapshot: undefined } },
      '`memory.snapshot` is there but undefined, so a restart signs everybody out',
    ],
    ['a bus for one process', { bus: 'redis' }, "`bus` is 'redis', but sessions are kept in the memory of one process"],
    ['such a bus with a URL', { bus: 'redis', redis: { url: 'redis://h' } }, "`bus` is 'redis', but sessions are kept"],
    [
      'servers that are undefined',
      { store: 'memcached', memcached: { servers: undefined } },
      '`memcached.servers` is there but undefined',
    ],
  ])('warns of %s, once, and quotes no secret', (_what, options, warning) => {
    const warnings = optionWarnings(options);
    expect(warnings).toEqual([expect.stringContaining(warning)]);
    expect(warnings.join()).not.toMatch(/s{9}|older/);
  });
});
