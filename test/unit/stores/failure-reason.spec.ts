import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';

import { describe, expect, it } from 'vitest';

import { SessionStoreError } from '../../../lib/index.js';
import { ConnectionErrors } from '../../../lib/stores/connection-errors.js';
import { failureReason } from '../../../lib/stores/failure-reason.js';
import { RedisStore } from '../../../lib/stores/redis/redis.store.js';

class ReplyError extends Error {
  override readonly name = 'ReplyError';
}

class MongoServerError extends Error {}

function withCode(code: unknown, more: object = {}): Error {
  return Object.assign(new Error('secret-key'), { code, ...more });
}

describe('failureReason', () => {
  it.each<[string, unknown, string | undefined]>([
    ['a deadline that has passed', new SessionStoreError('a', { isTimeout: true }), 'timeout'],
    [
      'a deadline that has passed without a connection',
      new SessionStoreError('a', { isTimeout: true, cause: withCode('ECONNREFUSED') }),
      'ECONNREFUSED',
    ],
    [
      'a deadline behind another error',
      new Error('a', { cause: new SessionStoreError('b', { isTimeout: true }) }),
      'timeout',
    ],
    ['a code of Node', withCode('ECONNREFUSED'), 'ECONNREFUSED'],
    ['a code of TLS', withCode('CERT_HAS_EXPIRED'), 'CERT_HAS_EXPIRED'],
    ['a code of SQL', withCode('57P03'), '57P03'],
    ['the name of a code of MongoDB', withCode(13, { codeName: 'Unauthorized' }), 'Unauthorized'],
    ['a status of gRPC', withCode(14, { details: 'secret-key' }), 'UNAVAILABLE'],
    ['a number that is no status of gRPC', withCode(14), undefined],
    ['a code that may be data', withCode('secret-key'), undefined],
    ['a reply of Redis', new ReplyError('OOM command not allowed secret-key'), 'OOM'],
    ['a reply without a message', new ReplyError('READONLY'), 'READONLY'],
    ['a reply that quotes one of a script', new ReplyError('ERR Error running @user_script:1: -OOM secret'), 'OOM'],
    [
      'a reply that quotes a record',
      new ReplyError(`ERR unknown command 'SET', with args beginning with: 'k' '{"name":"x-MARY SMITH: -OOM "`),
      'ERR',
    ],
    ['a reply whose first word is data', new ReplyError('MARY SMITH'), 'ReplyError'],
    ['a script that quotes data', new ReplyError('ERR Error running @user_script:1: -MARY SMITH'), 'ERR'],
    ['a code that is a word', withCode('MARY'), undefined],
    ['a code that is a word of the length of those of SQL', withCode('SMITH'), undefined],
    ['a word of Redis as a code', withCode('CLUSTERDOWN'), 'CLUSTERDOWN'],
    ['a code of Node that begins with ERR', withCode('ERR_SOCKET_CLOSED'), 'ERR_SOCKET_CLOSED'],
    ['a code of an ORM', withCode('P1001'), 'P1001'],
    ['a reply that begins like no code', new ReplyError('secret-key'), 'ReplyError'],
    ['a line of Memcached', new Error('SERVER_ERROR out of memory'), 'SERVER_ERROR'],
    ['a class that does not set its name', new MongoServerError('secret-key'), 'MongoServerError'],
    ['a plain error', new Error('secret-key'), undefined],
    ['what led to it', new Error('a', { cause: withCode('ETIMEDOUT') }), 'ETIMEDOUT'],
    ['the first of several', new AggregateError([new Error('a'), withCode('ENOTFOUND')], 'b'), 'ENOTFOUND'],
    ['the last node of a cluster', Object.assign(new Error('a'), { lastNodeError: withCode('EPIPE') }), 'EPIPE'],
    ['a code before a class', new TypeError('a', { cause: withCode('EPIPE') }), 'EPIPE'],
    ['an error of ours without a cause', new SessionStoreError('a'), undefined],
    ['a text', 'secret-key', undefined],
    ['nothing', undefined, undefined],
  ])('of %s', (_what, error, reason) => {
    expect(failureReason(error)).toBe(reason);
  });

  it('ends where an error leads to itself', () => {
    const error = new Error('a');
    error.cause = error;
    expect(failureReason(error)).toBeUndefined();
  });
});

describe('ConnectionErrors', () => {
  it('put the reason behind an error that has none, until there is a connection', () => {
    const errors = new ConnectionErrors();
    const refused = withCode('ECONNREFUSED');
    errors.note(refused);
    const vague = new Error('too many attempts');
    errors.explain(vague);
    expect(vague.cause).toBe(refused);
    const own = withCode('ETIMEDOUT');
    errors.explain(own);
    expect(own.cause).toBeUndefined();
    errors.clear();
    const later = new Error('too many attempts');
    errors.explain(later);
    expect(later.cause).toBeUndefined();
    expect(errors.last).toBeUndefined();
  });
});

describe('the errors of the Redis store', () => {
  it('name a port on which nothing listens', async () => {
    const server = createTcpServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const store = await RedisStore.connect({ url: `redis://127.0.0.1:${port}` });
    await expect(store.read('k')).rejects.toThrow('(ECONNREFUSED)');
    await store.close();
  });

  it('name why a certificate is refused', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'nest-session-'));
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const name = ['-subj', '/CN=localhost', '-days', '1', '-nodes'];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...name, '-keyout', key, '-out', cert], {
      stdio: 'ignore',
    });
    const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) });
    rmSync(directory, { recursive: true });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const store = await RedisStore.connect({ url: `rediss://:passw0rd@localhost:${port}` });
    const error = await store.read('k').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SessionStoreError);
    expect((error as Error).message).toContain('(DEPTH_ZERO_SELF_SIGNED_CERT)');
    await store.close();
    await new Promise((resolve) => server.close(resolve));
  });
});
