import type { AddressInfo } from 'node:net';

import type { INestApplication } from '@nestjs/common';

/** Serves on a free port, which it prints, until its input ends; then nothing may keep the process alive. */
export async function serve(app: INestApplication): Promise<void> {
  process.stdin.resume().once('end', () => void app.close());
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address() as AddressInfo;
  console.log(`port ${port}`);
}
