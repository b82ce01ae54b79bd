// Writes src/api.d.ts anew from openapi.json. With the program's path in NOVA_BIN, openapi.json first.
import { execFileSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { declarations, document, types } from './types.mjs';

if (process.env.NOVA_BIN) await writeFile(document, execFileSync(process.env.NOVA_BIN, ['openapi']));
await writeFile(declarations, await types());
