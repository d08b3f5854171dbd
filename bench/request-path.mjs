// How much of the library one request runs through: functions and files of dist/, as V8 counts them. Run `npm run measure:path`, with
// `-- --list` for their names. The application is small: Express, the memory store, a signed cookie, pinned sessions.
import 'reflect-metadata';
import { Session as Inspector } from 'node:inspector/promises';

import { decorateRoute } from './decorate-route.mjs';

/** @typedef {{ count?: number }} Visits */

const inspector = new Inspector();
inspector.connect();
await inspector.post('Profiler.enable');
// V8 counts what is loaded from here on.
await inspector.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
const app = await startApplication();
const cookie = await ask('write');
for (const kind of ['read', 'write']) {
  // The first request of a kind also does what is done once: it is not counted.
  await ask(kind, cookie);
  await coverage();
  await ask(kind, cookie);
  report(kind, await coverage());
}
await app.close();
inspector.disconnect();

async function startApplication() {
  const { Controller, Module } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { Session, SessionModule } = await import('nest-session');

  class VisitsController {
    /** @param {Visits} session */
    read({ count }) {
      return { count };
    }

    /** @param {Visits} session */
    write(session) {
      session.count = (session.count ?? 0) + 1;
      return { count: session.count };
    }
  }
  for (const name of ['read', 'write']) decorateRoute(VisitsController, name, { parameters: [Session()] });
  Controller()(VisitsController);
  class AppModule {}
  const sessions = SessionModule.forRoot({ secret: 'a secret of more than thirty-two characters', pinning: true });
  Module({ imports: [sessions], controllers: [VisitsController] })(AppModule);
  const application = await NestFactory.create(AppModule, { logger: ['error'] });
  await application.listen(0, '127.0.0.1');
  return application;
}

/**
 * The cookie that the answer sets, if any.
 * @param {string} path
 * @param {string} [given] the cookie of the request.
 */
async function ask(path, given) {
  /** @type {Record<string, string>} */
  const headers = given === undefined ? {} : { cookie: given };
  const response = await fetch(`${await app.getUrl()}/${path}`, { headers });
  if (!response.ok) throw new Error(`/${path} answered ${response.status}.`);
  await response.json();
  return response.headers.getSetCookie()[0]?.split(';', 1)[0];
}

/** The functions that ran since the last time, by their file in dist/: V8 starts anew at zero. */
async function coverage() {
  const { result } = await inspector.post('Profiler.takePreciseCoverage');
  /** @type {Map<string, string[]>} */
  const files = new Map();
  for (const { url, functions } of result) {
    const path = url.split('/dist/')[1];
    if (path === undefined || url.includes('/node_modules/')) continue;
    const run = functions.filter(({ ranges: [whole] }) => whole !== undefined && whole.count > 0);
    const names = run.map(({ functionName }) => functionName || '(arrow)');
    if (names.length > 0) files.set(path, names);
  }
  return files;
}

/**
 * @param {string} kind
 * @param {ReadonlyMap<string, readonly string[]>} files
 */
function report(kind, files) {
  console.log(`a ${kind}: ${[...files.values()].flat().length} functions in ${files.size} files`);
  if (!process.argv.includes('--list')) return;
  for (const [path, names] of files) console.log(`  ${path} ${names.length}: ${names.join(', ')}`);
}
