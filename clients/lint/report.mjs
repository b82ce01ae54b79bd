// Prints what a linter found, from its JSON output (standard input): the count of each rule, then each error. Exits with 1 if there are errors.
import { readFileSync } from 'node:fs';

const LINES_MAX = 50;

const [name] = process.argv.slice(2);
const output = JSON.parse(readFileSync(0, 'utf8'));
const found = Array.isArray(output) ? output.map(ofSpectral) : output.problems.map(ofRedocly);
const errors = found.filter(({ isError }) => isError);
console.log(`${name}: ${errors.length} errors, ${found.length - errors.length} warnings`);
const counts = new Map();
for (const { isError, rule } of found) {
  const finding = `${isError ? 'errors' : 'warnings'} of ${rule}`;
  counts.set(finding, (counts.get(finding) ?? 0) + 1);
}
for (const [finding, count] of counts) console.log(`  ${count} ${finding}`);
for (const { rule, place, message } of errors.slice(0, LINES_MAX)) console.log(`  error ${rule} at ${place}: ${message}`);
if (errors.length > LINES_MAX) console.log(`  and ${errors.length - LINES_MAX} more errors`);
process.exitCode = errors.length > 0 ? 1 : 0;

function ofSpectral({ code, path, message, severity }) {
  return { rule: code, place: path.join(' '), message, isError: severity === 0 };
}

function ofRedocly({ ruleId, location, message, severity }) {
  return { rule: ruleId, place: location[0]?.pointer, message, isError: severity === 'error' };
}
