import { readdirSync, readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
const specs = readdirSync(new URL('.', import.meta.url)).filter((name) => name.startsWith('asvs-'));

it('docs/security.md lists every test of an ASVS item beside its number, and no other', () => {
  const rows = [...page.matchAll(/^\| (\d+\.\d+\.\d+) .* `(asvs-[\w.-]+)`\s+\|$/gm)];
  expect(rows.map(([, , name]) => name ?? '').toSorted()).toEqual(specs.toSorted());
  for (const [, item, name] of rows) expect(name).toMatch(new RegExp(`^asvs-${item}-`));
});
