// What is committed is what the product says.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { novaBin } from '../support/real-nova.js';

const root = new URL('../../../', import.meta.url);
const committed = (path: string): string => readFileSync(new URL(path, root), 'utf8');

test('openapi.json is the document that nova prints (NOVA_BIN=... npm run generate writes it anew)', () => {
  const printed = execFileSync(novaBin(), ['openapi'], { encoding: 'utf8', maxBuffer: 16 << 20 });
  assert.ok(printed === committed('openapi.json'), 'openapi.json is not what nova prints');
});

test('api.d.ts is what the document makes (npm run generate writes it anew)', async () => {
  const { types } = (await import(new URL('scripts/types.mjs', root).href)) as { types: () => Promise<string> };
  assert.ok((await types()) === committed('src/api.d.ts'), 'src/api.d.ts is not what openapi.json makes');
});
