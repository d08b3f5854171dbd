import { createHash } from 'node:crypto';
import { connect } from 'node:net';

import { Controller, Get, Post, UseGuards } from '@nestjs/common';
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';

import { Session, SessionGuard } from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { SpyStore } from '../fixtures/spy-store.js';

@Controller()
class IdsController {
  @Get('read')
  read(@Session() session: Session<{ user: string }>): object {
    return { user: session.user ?? null, isNew: session.isNew };
  }

  @Get('write')
  write(@Session() session: Session<{ user: string }>): void {
    session.user = 'ada';
  }

  @Post('regenerate')
  regenerate(@Session() session: Session): Promise<void> {
    return session.regenerate();
  }

  @Post('logout')
  logout(@Session() session: Session): Promise<void> {
    return session.destroy();
  }

  @UseGuards(SessionGuard)
  @Get('me')
  me(): string {
    return 'me';
  }
}

const UNKNOWN = '0123456789abcdefghijklmnopqrstuv';
const WELL_FORMED = /^[A-Za-z0-9_-]{16,128}$/;
const DAY_MS = 86_400_000;

/** What no signer and no generator of ours ever wrote. */
const MALFORMED = [
  '',
  '""',
  'x',
  'too-short',
  'a'.repeat(129),
  'a'.repeat(8000),
  `${UNKNOWN} `.repeat(2),
  `${UNKNOWN}%00`,
  `%00${UNKNOWN}`,
  `${UNKNOWN}%0d%0aSet-Cookie:%20session=x`,
  '%',
  '%E0%A4%A',
  '%ff%fe%fd%fc%fb%fa%f9%f8%f7%f6%f5%f4%f3%f2%f1%f0',
  '../../../../../../etc/passwd',
  '__proto__.__proto__.__proto__',
  '[object Object][object Object]',
  '{"id":"0123456789abcdef"}',
  "' OR '1'='1' -- 0123456789",
  'flush_all%0d%0aflush_all%0d%0a',
  `\u00a0${UNKNOWN}`,
  'ÿ'.repeat(32),
  '=',
  '='.repeat(32),
  '"',
  '"0123456789abcdef',
] as const;

describe.each(platforms)('on %s', (platform) => {
  describe.each([
    { kind: 'unsigned', session: {} },
    { kind: 'signed', session: { secret: ['a secret', 'an older secret'] } },
  ])('with $kind cookies', ({ kind, session }) => {
    const store = new SpyStore();
    let app: SessionApp;

    beforeAll(async () => {
      app = await SessionApp.start(platform, { controllers: [IdsController], session: { store, ...session } });
    });

    afterEach(() => {
      vi.useRealTimers();
      store.taken();
    });

    afterAll(() => app.close());

    it.each(MALFORMED)('%j opens a new session and does not touch the store', async (value) => {
      const cookie = `session=${value}`;
      const answer = await app.client().get('/read', { cookie });
      expect([answer.status, await answer.text()]).toEqual([200, '{"user":null,"isNew":true}']);
      expect(answer.setCookie).toEqual([]);
      expect((await app.client().get('/me', { cookie })).status).toBe(401);
      expect(store.taken()).toBe('');
    });

    it('whatever bytes a cookie holds, there is no server error, and only what could be an id touches the store', async () => {
      await fc.assert(
        fc.asyncProperty(headerText(200), async (value) => {
          const answer = await app.client().get('/read', { cookie: `session=${value}` });
          expect([answer.status, await answer.text()]).toEqual([200, '{"user":null,"isNew":true}']);
          expect(answer.setCookie).toEqual([]);
          const reads = store.taken();
          if (kind === 'signed' || !couldBeId(value)) expect(reads).toBe('');
          else expect(reads).toMatch(/^read( read){0,3}$/);
        }),
        { numRuns: 150 },
      );
    });

    it('whatever the whole Cookie header is, a session can be started, under an id of its own', async () => {
      await fc.assert(
        fc.asyncProperty(headerText(300), async (header) => {
          const client = app.client();
          const answer = await client.get('/write', { cookie: header });
          expect(answer.status).toBe(200);
          expect(answer.setCookie).toHaveLength(1);
          const [pair = ''] = answer.cookie()?.split(';') ?? [];
          expect(pair).toMatch(/^session=[\w-]{32}(?:\.[\w-]+)?$/);
          expect(header).not.toContain(pair.slice('session='.length));
        }),
        { numRuns: 100 },
      );
    });

    it('a Cookie header that is no HTTP is refused by Node, and the server goes on', async () => {
      for (const bytes of ['session=\0', 'session=\x01\x7f', 'session=a\r\n b', `session=${'a'.repeat(20_000)}`]) {
        const status = await statusOf(app.port, bytes);
        expect([bytes.slice(0, 20), status >= 400 && status < 500]).toEqual([bytes.slice(0, 20), true]);
      }
      expect((await app.client().get('/read')).status).toBe(200);
    });

    it('an expired record opens a new session under another id', async () => {
      const client = app.client();
      await client.get('/write');
      const cookie = client.cookieHeader;
      store.taken();
      vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 15 * DAY_MS });
      const answer = await client.get('/read');
      expect(await answer.json()).toEqual({ user: null, isNew: true });
      expect(store.taken()).toBe('read');
      expect((await client.get('/me')).status).toBe(401);
      const started = await client.get('/write');
      expect(started.cookie()).toMatch(/^session=/);
      expect(client.cookieHeader).not.toBe(cookie);
    });
  });

  describe('an id that the store does not know', () => {
    const store = new SpyStore();
    let app: SessionApp;

    beforeAll(async () => {
      app = await SessionApp.start(platform, { controllers: [IdsController], session: { store } });
    });

    afterEach(() => void store.taken());
    afterAll(() => app.close());

    it('is read once, and opens a new session under another id', async () => {
      const answer = await app.client().get('/read', { cookie: `session=${UNKNOWN}` });
      expect(await answer.json()).toEqual({ user: null, isNew: true });
      expect(answer.setCookie).toEqual([]);
      expect(store.taken()).toBe('read');
    });

    it.each([UNKNOWN, 'a'.repeat(16), 'Z'.repeat(128), '-'.repeat(32), '__proto__________', 'constructor-toString'])(
      'is never adopted: %s',
      async (id) => {
        const client = app.client();
        const answer = await client.get('/write', { cookie: `session=${id}` });
        expect(answer.cookie()).toMatch(/^session=[\w-]{32};/);
        expect(answer.cookie()).not.toContain(`session=${id};`);
        expect(store.taken()).toBe('read create');
        expect(await store.inner.get(`session:${createHash('sha256').update(id).digest('base64url')}`)).toBeUndefined();
        expect(await (await app.client().get('/read', { cookie: `session=${id}` })).json()).toMatchObject({
          user: null,
        });
      },
    );

    it.each(['/regenerate', '/logout'])('has nothing for %s to end', async (path) => {
      const answer = await app.client().post(path, { cookie: `session=${UNKNOWN}` });
      expect(answer.status).toBe(201);
      expect(store.taken()).toBe('read');
    });

    it('is refused by SessionGuard', async () => {
      expect((await app.client().get('/me', { cookie: `session=${UNKNOWN}` })).status).toBe(401);
    });

    it('is not the key of a stored session, whose name in the store opens nothing', async () => {
      const client = app.client();
      await client.get('/write');
      const id = client.cookieHeader.slice('session='.length);
      const key = createHash('sha256').update(id).digest('base64url');
      expect(await store.inner.get(`session:${key}`)).toContain('ada');
      expect(await (await app.client().get('/read', { cookie: `session=${key}` })).json()).toMatchObject({
        user: null,
      });
    });
  });

  describe('a cookie that is signed badly', () => {
    const store = new SpyStore();
    let app: SessionApp;
    let signed: string;

    beforeAll(async () => {
      app = await SessionApp.start(platform, {
        controllers: [IdsController],
        session: { store, secret: 'a secret' },
      });
      const client = app.client();
      await client.get('/write');
      signed = client.cookieHeader.slice('session='.length);
    });

    afterAll(() => app.close());

    async function refused(value: string): Promise<void> {
      store.taken();
      const answer = await app.client().get('/read', { cookie: `session=${value}` });
      expect([value, answer.status, await answer.text(), answer.setCookie, store.taken()]).toEqual([
        value,
        200,
        '{"user":null,"isNew":true}',
        [],
        '',
      ]);
    }

    it('opens a new session and does not touch the store, whichever character was changed', async () => {
      expect(await (await app.client().get('/read', { cookie: `session=${signed}` })).json()).toMatchObject({
        user: 'ada',
      });
      for (let at = 0; at < signed.length; at++) {
        await refused(signed.slice(0, at) + (signed[at] === 'A' ? 'B' : 'A') + signed.slice(at + 1));
      }
    });

    it('opens a new session when the signature is missing, cut, doubled, of another id or by another secret', async () => {
      const [id = '', mac = ''] = signed.split('.');
      const stranger = await SessionApp.start(platform, {
        controllers: [IdsController],
        session: { secret: 'theirs' },
      });
      const client = stranger.client();
      await client.get('/write');
      const theirs = client.cookieHeader.slice('session='.length);
      await stranger.close();
      const forged = [id, `${id}.`, `.${mac}`, `${id}.${mac.slice(1)}`, `${id}.${mac}${mac}`, `${id}.${mac}=`];
      for (const value of [...forged, `${UNKNOWN}.${mac}`, theirs, `${id}.${theirs.split('.')[1]}`, `${mac}.${id}`]) {
        await refused(value);
      }
    });

    it('is never adopted', async () => {
      const answer = await app.client().get('/write', { cookie: `session=${UNKNOWN}.AAAA` });
      expect(answer.cookie()).not.toContain(UNKNOWN);
    });
  });
});

/** Everything that Node lets through in a header's value. */
function headerText(maxLength: number): fc.Arbitrary<string> {
  const byte = fc.oneof(
    fc.integer({ min: 0x20, max: 0x7e }),
    fc.integer({ min: 0x80, max: 0xff }),
    fc.constant(0x09),
    fc.constantFrom(...Array.from('session=;,"%\\ _-', (char) => char.charCodeAt(0))),
  );
  const anything = fc.array(byte, { maxLength }).map((codes) => String.fromCharCode(...codes));
  const nearId = fc.stringMatching(/^[A-Za-z0-9_-]{14,130}[.% "]?[A-Za-z0-9_-]{0,44}$/);
  const pairs = fc
    .array(fc.oneof(anything, nearId), { maxLength: 4 })
    .map((values) => `x=1; session=${values.join('; session=')}`);
  // HTTP itself takes blanks off both ends.
  return fc.oneof(anything, nearId, pairs).map((text) => text.trim());
}

/** Whether one of the values that the header's text may be cut into has the form of an id. */
function couldBeId(value: string): boolean {
  const pairs = `session=${value}`.split(';').map((pair) => pair.replace(/^[ \t]+|[ \t]+$/g, ''));
  const own = pairs
    .filter((pair) => /^session[ \t]*=/.test(pair))
    .map((pair) => pair.replace(/^session[ \t]*=[ \t]*/, ''));
  return own.map(unescaped).some((text) => WELL_FORMED.test(text));
}

function unescaped(value: string): string {
  const text = value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The status that a header of these very bytes is answered with. */
function statusOf(port: number, cookie: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    socket.on('error', reject).on('close', () => resolve(Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0)));
    socket.end(`GET /read HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nCookie: ${cookie}\r\n\r\n`, 'latin1');
  });
}
