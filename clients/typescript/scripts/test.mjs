// Compiles everything and runs the tests: all, or those whose file's name contains one of the arguments.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const wanted = process.argv.slice(2);

const node = (...args) => execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
for (const made of ['build', 'dist']) rmSync(root + made, { recursive: true, force: true });
try {
  node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json');
  node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json');
  node('scripts/copy-types.mjs');
} catch {
  // The compiler has said what is wrong.
  process.exit(1);
}

const folders = ['build/test', 'build/test/e2e'];
const files = folders
  .flatMap((folder) => (existsSync(root + folder) ? readdirSync(root + folder) : []).map((name) => `${folder}/${name}`))
  .filter((file) => file.endsWith('.test.js') && (wanted.length === 0 || wanted.some((part) => file.includes(part))));
if (files.length === 0) {
  console.error(`no test file's name contains ${wanted.join(' or ')}`);
  process.exit(1);
}
const options = ['--enable-source-maps', '--test', '--test-reporter', './scripts/reporter.mjs'];
const seconds = Number(process.env.NOVA_CLIENT_SECONDS ?? 10);
const timeout = (20 * 60 + seconds) * 1000;
const { status, signal } = spawnSync(process.execPath, [...options, ...files], { cwd: root, stdio: 'inherit', timeout });
if (signal !== null) console.error(`the tests were ended by ${signal} (after ${timeout / 60_000} min they are given up)`);
process.exit(status ?? 1);
