import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';

import type { ChildProgram } from '../fixtures/child-program.js';
import { connectTo, transports, type GatewayClient } from '../fixtures/gateway-client.js';
import { buildGatewayProgram, SessionProcess } from '../fixtures/session-process.js';
import { TcpProxy } from '../fixtures/tcp-proxy.js';

let program: ChildProgram;
let here: SessionProcess;
let there: SessionProcess;
let proxy: TcpProxy;

beforeAll(async () => {
  program = await buildGatewayProgram();
});

afterAll(() => program.remove());

beforeEach(async () => {
  proxy = await TcpProxy.start(Number(new URL(inject('redisUrl')).port));
  const busUrl = `redis://127.0.0.1:${proxy.port}`;
  [here, there] = await Promise.all([SessionProcess.start(program, busUrl), SessionProcess.start(program, busUrl)]);
});

afterEach(async () => {
  await Promise.all([here.stop(), there.stop()]);
  await proxy.stop();
});

describe.each(transports)('a logout at one process, and gateways of %s', (transport) => {
  /** A browser that is signed in here, and its connections in the other process. */
  async function connect(
    application: string,
    count: number,
  ): Promise<{ logOut(): Promise<unknown>; open: GatewayClient[] }> {
    const mine = here.client(application);
    await mine.post('/login');
    const options = { port: there.portOf(application), cookie: mine.cookieHeader };
    const open = Array.from({ length: count }, () => connectTo(transport, options));
    for (const client of open) expect(await client.ask('read')).toEqual({ value: { user: 'ada' } });
    return { logOut: () => mine.post('/logout'), open };
  }

  function expectReason(closing: Awaited<GatewayClient['closed']>, reason: string): void {
    if (transport === 'ws') expect(closing).toEqual({ code: 4401, reason });
    else expect(closing).toMatchObject({ reason: 'io server disconnect', exception: { reason } });
  }

  it('closes the connections at another one by the bus', async () => {
    const { logOut, open } = await connect(transport, 3);
    await logOut();
    for (const { closed } of open) expectReason(await closed, 'destroyed');
  });

  it('closes them by the recheck while the bus is cut', async () => {
    const { logOut, open } = await connect(`cut ${transport}`, 3);
    await proxy.stop();
    await logOut();
    for (const { closed } of open) expectReason(await closed, 'revoked');
  });
});
