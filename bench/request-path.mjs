import { readFileSync, readdirSync, rmSync, mkdtempSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import v8 from 'node:v8';

// Counts the functions and files of dist/ that one request runs through, by V8's own coverage: `node bench/request-path.mjs`.
// The application is small: Express, the memory store, a signed cookie, sessions pinned. With --list, names them.

const self = fileURLToPath(import.meta.url);

if (process.env.NODE_V8_COVERAGE === undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'request-path-'));
  try {
    const child = spawnSync(process.execPath, [self], {
      env: { ...process.env, NODE_V8_COVERAGE: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
      encoding: 'utf8',
    });
    if (child.status !== 0) throw new Error(`The measured application ended with ${child.status}.`);
    report(folder, JSON.parse(child.stdout));
  } finally {
    rmSync(folder, { recursive: true });
  }
} else {
  await measure();
}

/** Takes the coverage of each request alone: taking it sets the counts to zero. */
async function measure() {
  await import('reflect-metadata');
  const { Controller, Get, Module } = await import('@nestjs/common');
  const { NestFactory } = await import('@nestjs/core');
  const { Session, SessionModule } = await import('../dist/index.js');

  class VisitsController {
    read(session) {
      return { count: session.count };
    }
    write(session) {
      session.count = (session.count ?? 0) + 1;
      return { count: session.count };
    }
  }
  Controller()(VisitsController);
  for (const name of ['read', 'write']) {
    Get(name)(VisitsController.prototype, name, Object.getOwnPropertyDescriptor(VisitsController.prototype, name));
    Session()(VisitsController.prototype, name, 0);
  }
  class AppModule {}
  Module({
    imports: [SessionModule.forRoot({ secret: 'a secret of more than thirty-two characters', pinning: true })],
    controllers: [VisitsController],
  })(AppModule);

  const app = await NestFactory.create(AppModule, { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  const ask = async (path, cookie) => {
    const response = await fetch(`${await app.getUrl()}/${path}`, { headers: cookie === undefined ? {} : { cookie } });
    await response.json();
    return response.headers.getSetCookie()[0]?.split(';', 1)[0];
  };
  const takeOne = (kind) => {
    const folder = process.env.NODE_V8_COVERAGE;
    const before = new Set(readdirSync(folder));
    v8.takeCoverage();
    const [file] = readdirSync(folder).filter((name) => !before.has(name));
    return { kind, file };
  };
  const cookie = await ask('write');
  await ask('read', cookie);
  await ask('write', cookie);
  const taken = [];
  for (const kind of ['read', 'write']) {
    v8.takeCoverage();
    await ask(kind, cookie);
    taken.push(takeOne(kind));
  }
  v8.stopCoverage();
  await app.close();
  process.stdout.write(JSON.stringify(taken));
}

function report(folder, taken) {
  for (const { kind, file } of taken) {
    const { result } = JSON.parse(readFileSync(join(folder, file), 'utf8'));
    const files = new Map();
    for (const { url, functions } of result) {
      const path = url.split('/dist/')[1];
      if (path === undefined || url.includes('node_modules')) continue;
      const run = functions
        .filter(({ ranges }) => ranges[0].count > 0)
        .map(({ functionName }) => functionName || '(arrow)');
      if (run.length > 0) files.set(path, run);
    }
    const count = [...files.values()].reduce((sum, run) => sum + run.length, 0);
    console.log(`a ${kind}: ${count} functions in ${files.size} files`);
    if (process.argv.includes('--list')) {
      for (const [path, run] of files) console.log(`  ${path} ${run.length}: ${run.join(', ')}`);
    }
  }
}
