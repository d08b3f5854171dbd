import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import {
  HmacSigner,
  ItsdangerousSigner,
  MemoryStore,
  type CookieSigner,
  type SessionModuleOptions,
} from '../../lib/index.js';
import { Client } from '../fixtures/client.js';
import { platforms } from '../fixtures/platforms.js';
import { SessionApp } from '../fixtures/session-app.js';
import { UserController } from '../fixtures/user-controller.js';

const OLD = 'an old secret of thirty-two letters';
const NEW = 'a new secret of thirty-two letters!';

describe.each(platforms)('an application that changes how it signs, on %s', (platform) => {
  const apps: SessionApp[] = [];
  let store: MemoryStore;

  beforeEach(() => {
    store = new MemoryStore();
  });

  afterEach(async () => {
    for (const app of apps.splice(0)) await app.close();
  });

  /** A version of the application; all share the store. */
  async function version(session: SessionModuleOptions): Promise<SessionApp> {
    const app = await SessionApp.start(platform, { session: { store, ...session }, controllers: [UserController] });
    apps.push(app);
    return app;
  }

  async function signIn(app: SessionApp): Promise<Map<string, string>> {
    const client = app.client();
    await client.post('/sign-in/ada');
    return client.jar;
  }

  async function me(app: SessionApp, jar: Map<string, string>): Promise<unknown> {
    return (await new Client(app.port, jar).get('/me')).json();
  }

  const ada = { user: 'ada' };

  describe.each<[string, SessionModuleOptions]>([
    ['natively', {}],
    ["under wire: 'quart'", { wire: 'quart' }],
  ])('that begins to sign %s', (_how, wire) => {
    it('keeps a cookie without a signature signed in, and signs it with the next response', async () => {
      const jar = await signIn(await version(wire));
      const unsigned = jar.get('session') ?? '';
      const signing = await version({ ...wire, secret: NEW, acceptUnsigned: true });
      expect(await me(signing, jar)).toEqual(ada);
      expect(jar.get('session')).toMatch(new RegExp(`^${unsigned}\\..+`));
      expect((await new Client(signing.port, jar).get('/me')).setCookie).toEqual([]);
      expect(await me(await version({ ...wire, secret: NEW }), jar)).toEqual(ada);
    });

    it('opens nothing for a cookie whose signature is wrong, empty or of another id', async () => {
      const jar = await signIn(await version(wire));
      const [id, other] = [jar.get('session') ?? '', (await signIn(await version(wire))).get('session') ?? ''];
      const signing = await version({ ...wire, secret: NEW, acceptUnsigned: true });
      const signer = await signIn(signing);
      const signature = (signer.get('session') ?? '').split('.')[1] ?? '';
      for (const forged of [`${id}.`, `${id}.${signature}`, `${id}.${other}`, `.${id}`, `${id}..`, ` ${id}x`]) {
        expect([forged, await me(signing, new Map([['session', forged]]))]).toEqual([forged, {}]);
      }
    });
  });

  it('opens no cookie without a signature once acceptUnsigned is off again', async () => {
    const jar = await signIn(await version({}));
    expect(await me(await version({ secret: NEW }), jar)).toEqual({});
  });

  it('begins with a signer of its own just as with a secret', async () => {
    const jar = await signIn(await version({}));
    const signing = await version({ signer: new ItsdangerousSigner(NEW, { salt: 's' }), acceptUnsigned: true });
    expect(await me(signing, jar)).toEqual(ada);
    expect(jar.get('session')).toContain('.');
  });

  it('gives a session that a login continues a signed cookie', async () => {
    const jar = await signIn(await version({}));
    const signing = await version({ secret: NEW, acceptUnsigned: true });
    await new Client(signing.port, jar).post('/regenerate');
    expect(jar.get('session')).toContain('.');
    expect(await me(await version({ secret: NEW }), jar)).toEqual(ada);
  });

  it('signs out who comes with a cookie without a signature, as it does with one', async () => {
    const jar = await signIn(await version({}));
    const unsigned = new Map(jar);
    const signing = await version({ secret: NEW, acceptUnsigned: true });
    await new Client(signing.port, jar).post('/sign-out');
    expect([jar.size, await me(signing, unsigned)]).toEqual([0, {}]);
  });

  it('says at start-up that acceptUnsigned is on, and until when, and refuses it without a secret', async () => {
    const app = await version({ secret: NEW, acceptUnsigned: true });
    expect(app.warnings.filter((line) => line.includes('acceptUnsigned'))).toEqual([
      expect.stringContaining('Leave it out once the longest lifetime of a session has gone by'),
    ]);
    await expect(version({ acceptUnsigned: true })).rejects.toThrow('write secret, or leave acceptUnsigned out');
  });

  it('signs everybody out when it stops to sign', async () => {
    const jar = await signIn(await version({ secret: OLD }));
    expect(await me(await version({}), jar)).toEqual({});
  });

  it('begins to sign in a rolling deploy, after a version that knows signatures and makes none', async () => {
    const hmac = new HmacSigner(NEW);
    const knowing: CookieSigner = {
      sign: (id) => id,
      unsign: (cookie) => hmac.unsign(cookie) ?? { id: cookie, rotated: false },
    };
    const [unsigned, between, signing] = [
      await version({}),
      await version({ signer: knowing }),
      await version({ secret: NEW, acceptUnsigned: true }),
    ];
    const jar = await signIn(unsigned);
    for (const app of [unsigned, between, unsigned, between, signing, between, signing]) {
      expect(await me(app, jar)).toEqual(ada);
    }
  });

  it('replaces a secret in two steps without a sign-out: known first, signing next', async () => {
    const [first, between, last] = [
      await version({ secret: OLD }),
      await version({ secret: [OLD, NEW] }),
      await version({ secret: [NEW, OLD] }),
    ];
    const jar = await signIn(first);
    // While the first step rolls out, either version may answer; so while the second does.
    for (const app of [first, between, first, between, last, between, last]) {
      expect(await me(app, jar)).toEqual(ada);
    }
    expect(await me(await version({ secret: NEW }), jar)).toEqual(ada);
  });

  it('signs out who comes back to a version that does not know the new secret, if the first step is left out', async () => {
    const [first, last] = [await version({ secret: OLD }), await version({ secret: [NEW, OLD] })];
    const jar = await signIn(first);
    expect(await me(last, jar)).toEqual(ada);
    expect(await me(first, jar)).toEqual({});
  });
});
