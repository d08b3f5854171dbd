import { NestFactory } from '@nestjs/core';

import { AppModule } from './app.module.js';

const port = process.env.PORT ?? 3000;
const app = await NestFactory.create(AppModule, { logger: ['warn', 'error'] });
await app.listen(port);
console.log(`The quick start listens on http://localhost:${port}`);
