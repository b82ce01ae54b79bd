// The compiler does not copy declarations that are sources themselves.
import { copyFile } from 'node:fs/promises';
import { declarations, root } from './types.mjs';

await copyFile(declarations, new URL('dist/api.d.ts', root));
