// The types of the API, as `openapi.json` says they are.
import { readFile } from 'node:fs/promises';
import openapiTS, { astToString } from 'openapi-typescript';

export const root = new URL('..', import.meta.url);
export const document = new URL('openapi.json', root);
export const declarations = new URL('src/api.d.ts', root);

const HEAD = '// Made from openapi.json by `npm run generate`. Changes here are lost.\n\n';

export async function types() {
  const tree = await openapiTS(JSON.parse(await readFile(document, 'utf8')), { alphabetize: true });
  return HEAD + astToString(tree);
}
