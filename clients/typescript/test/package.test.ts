// What is published works as a package.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const dist = new URL('../../dist/', import.meta.url);
const text = (name: string): string => readFileSync(new URL(name, dist), 'utf8');

test('Node finds the package by its name', async () => {
  const name = '@nova/client';
  const found = (await import(name)) as Record<string, unknown>;
  assert.equal(typeof found['Nova'], 'function');
  assert.ok(import.meta.resolve === undefined || import.meta.resolve(name).endsWith('/dist/node.js'));
});

test('browsers get nothing that only Node has', () => {
  const files = readdirSync(dist).filter((name) => name.endsWith('.js') && name !== 'node.js');
  assert.ok(files.length > 10, 'the package is built');
  for (const name of files) assert.doesNotMatch(text(name), /(from|import\()\s*'(?!\.\/)/, name);
});

test('every declaration that is named is there', () => {
  for (const name of readdirSync(dist).filter((file) => file.endsWith('.d.ts'))) {
    for (const [, path] of text(name).matchAll(/(?:from|import\()\s*'\.\/(\w[\w-]*)\.js'/g)) {
      assert.ok(existsSync(new URL(`${path}.d.ts`, dist)), `${name} names ${path}`);
    }
  }
});
