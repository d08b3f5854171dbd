import { randomBytes } from 'node:crypto';

import { Controller, Post } from '@nestjs/common';
import { afterEach, describe, expect, it } from 'vitest';

import {
  ExpressSessionSigner,
  HmacSigner,
  ItsdangerousSigner,
  Session,
  SessionConfigurationError,
  type SessionModuleOptions,
} from '../../lib/index.js';
import { platforms } from '../fixtures/platforms.js';
import { accountBackEnds, AccountApps, cookieLinesOf, OVER_HTTPS, TRUSTING } from './account-apps.js';

/** What browsers take of name and value together. */
const LIMIT = 4096;
const LONGEST_NAME = `__Host-${'n'.repeat(1017)}`;
const SECRET = 's'.repeat(5000);

/** The longest id that may be. */
const generateId = (): string => randomBytes(96).toString('base64url');

@Controller()
class HoarderController {
  @Post('hoard')
  hoard(@Session() session: Session): void {
    for (let at = 0; at < 100; at++) session[`key-${at}`] = 'x'.repeat(5000);
  }
}

describe.each(platforms)('3.3.5: on %s', (platform) => {
  let apps: AccountApps | undefined;

  async function start(session: SessionModuleOptions): Promise<AccountApps> {
    apps = await AccountApps.start(platform, 'memory', session, { controllers: [HoarderController] });
    return apps;
  }

  afterEach(async () => {
    await apps?.close();
    apps = undefined;
  });

  it.each([
    ['no signer', {}],
    ['HmacSigner', { signer: new HmacSigner(SECRET) }],
    ['ItsdangerousSigner', { signer: new ItsdangerousSigner(SECRET, { digest: 'sha512', salt: 's'.repeat(5000) }) }],
    ['ExpressSessionSigner', { signer: new ExpressSessionSigner(SECRET) }],
    ['a Python application', { wire: 'quart', secret: [SECRET, SECRET] }],
  ] as const)('the largest cookie that options allow fits a browser, with %s', async (_what, session) => {
    const cookie = { name: LONGEST_NAME, secure: true };
    const lines = await cookieLinesOf(await start({ ...TRUSTING, ...session, cookie, generateId }), OVER_HTTPS);
    for (const line of lines) expect(sizeOf(line)).toBeLessThanOrEqual(LIMIT);
    // All of the id is in it.
    expect(sizeOf(lines[0] ?? '')).toBeGreaterThanOrEqual(LONGEST_NAME.length + 128);
  });

  it('a longer id is refused at start-up', async () => {
    const outcome = await start({ generateId: () => `${generateId()}x` }).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(SessionConfigurationError);
  });

  it('a longer name is refused at start-up', async () => {
    const name = `${LONGEST_NAME}n`;
    const outcome = await start({ cookie: { name, secure: true } }).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(SessionConfigurationError);
    expect((outcome as Error).message).toContain('at most 1024');
  });

  it.each(accountBackEnds)('half a megabyte in the session makes it no longer, with %s', async (backEnd) => {
    apps = await AccountApps.start(platform, backEnd, { secret: 'a secret' }, { controllers: [HoarderController] });
    const client = apps.first.client();
    const little = (await client.post('/cart?item=tea')).cookie() ?? '';
    await client.post('/hoard');
    const much = (await client.post('/login?name=ada')).cookie() ?? '';
    const all = (await apps.first.client().post('/hoard')).cookie() ?? '';
    expect([sizeOf(much), sizeOf(all)]).toEqual([sizeOf(little), sizeOf(little)]);
  });
});

/** Bytes of a cookie's name and value. */
function sizeOf(line: string): number {
  const [pair = ''] = line.split(';');
  return Buffer.byteLength(pair) - 1;
}
