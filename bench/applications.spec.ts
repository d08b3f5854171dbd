import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { startRedis } from '../test/fixtures/servers.mjs';
import { bare } from './applications/bare.mjs';
import { handwritten } from './applications/handwritten.mjs';
import { ours, oursAutoPipelined, oursInMemory } from './applications/ours.mjs';
import { dataOf } from './applications/session-data.mjs';
import { PLATFORMS } from './cells.mjs';

const keepers = [handwritten, ours, oursAutoPipelined, oursInMemory];
let redis: Awaited<ReturnType<typeof startRedis>>;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

async function answerOf(url: string, cookie?: string): Promise<{ body: unknown; cookie: string | undefined }> {
  const response = await fetch(url, { headers: cookie === undefined ? {} : { cookie } });
  expect(response.status).toBe(200);
  return { body: await response.json(), cookie: response.headers.getSetCookie()[0]?.split(';', 1)[0] };
}

describe.each(PLATFORMS)('on %s', (platform) => {
  it.each(keepers)('%o keeps a session of its size and counts in it', async (start) => {
    const app = await start({ platform, redisUrl: `redis://${redis.address}`, clusterPorts: [] });
    await app.listen(0, '127.0.0.1');
    const url = await app.getUrl();

    const { cookie } = await answerOf(`${url}/seed/200`);
    expect(cookie).toMatch(/^session=./);
    const answers = [];
    for (const path of ['read', 'write', 'write', 'read'])
      answers.push((await answerOf(`${url}/${path}`, cookie)).body);
    expect(answers).toEqual([{ n: 0 }, { n: 1 }, { n: 2 }, { n: 2 }]);
    expect((await answerOf(`${url}/read`)).body).toEqual({ n: 0 });
    expect((await answerOf(`${url}/write`)).cookie).not.toBe(cookie);

    await app.close();
  });

  it.each([bare, ours])('%o answers a route that does not ask', async (start) => {
    const app = await start({ platform, redisUrl: `redis://${redis.address}`, clusterPorts: [] });
    await app.listen(0, '127.0.0.1');
    expect(await answerOf(`${await app.getUrl()}/plain`)).toEqual({ body: { n: 0 }, cookie: undefined });
    await app.close();
  });
});

it.each([100, 200, 1000, 8192, 100_000])('makes data of %i bytes', (bytes) => {
  expect(JSON.stringify(dataOf(bytes)).length).toBe(bytes);
});
