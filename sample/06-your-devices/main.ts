import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';

import { AppModule } from './app.module.js';

/** No script but that of this site, and no frame around a page whose buttons sign out. */
const POLICY = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

const port = process.env['PORT'] ?? 3000;
const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: ['fatal', 'error', 'warn'] });
app.useStaticAssets(fileURLToPath(new URL('public', import.meta.url)), {
  extensions: ['html'], // so that the page of sign-in.html is /sign-in
  setHeaders: (response) => response.setHeader('Content-Security-Policy', POLICY),
});
app.enableShutdownHooks(); // on Ctrl+C the last sessions are saved before the store is closed
await app.listen(port, process.env['HOST'] ?? '127.0.0.1');
console.log(`Your devices are at http://localhost:${port}`);
