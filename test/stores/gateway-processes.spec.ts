import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import type { ChildProgram } from '../fixtures/child-program.js';
import { connectTo, transports, type GatewayClient } from '../fixtures/gateway-client.js';
import { ProcessPair } from '../fixtures/process-pair.js';
import { buildGatewayProgram, type SessionProcess } from '../fixtures/session-process.js';
import type { TcpProxy } from '../fixtures/tcp-proxy.js';

let program: ChildProgram;
let pair: ProcessPair;
let here: SessionProcess;
let there: SessionProcess;
let proxy: TcpProxy;

beforeAll(async () => {
  program = await buildGatewayProgram();
});

afterAll(() => program.remove());

beforeEach(async () => {
  pair = await ProcessPair.start(program);
  ({ here, there, proxy } = pair);
});

afterEach(() => pair.stop());

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

  function expectReason(closing: Awaited<GatewayClient['closed']>, reasons: string): void {
    const reason = expect.stringMatching(`^(?:${reasons})$`) as string;
    if (transport === 'ws') expect(closing).toEqual({ code: 4401, reason });
    else expect(closing).toMatchObject({ reason: 'io server disconnect', exception: { reason } });
  }

  it('closes the connections at another one by the bus', async () => {
    const { logOut, open } = await connect(transport, 3);
    await logOut();
    // The read that follows a subscription may meet the end before the message that says why.
    for (const { closed } of open) expectReason(await closed, 'destroyed|revoked');
  });

  it('closes them by the recheck while the bus is cut', async () => {
    const { logOut, open } = await connect(`cut ${transport}`, 3);
    await proxy.stop();
    await logOut();
    for (const { closed } of open) expectReason(await closed, 'revoked');
  });
});
