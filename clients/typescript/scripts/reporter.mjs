// Results in the words of cargo's own test runner: a line for each test, then what failed, then the count.
import { inspect } from 'node:util';

export default async function* report(events) {
  const failures = [];
  let passed = 0;
  let skipped = 0;
  for await (const { type, data } of events) {
    if (type === 'test:stdout' || type === 'test:stderr') yield data.message;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    // A suite is counted by its tests, and a file by what is in it, unless it broke down as a whole.
    const isFile = data.name.endsWith('.test.js');
    const failedTests = data.details?.error?.failureType === 'subtestsFailed';
    if (data.details?.type === 'suite' || failedTests || (isFile && type === 'test:pass')) continue;
    if (data.skip !== undefined || data.todo !== undefined) {
      skipped += 1;
      yield `test ${data.name} ... ignored\n`;
      continue;
    }
    if (type === 'test:pass') passed += 1;
    else failures.push({ name: data.name, error: data.details?.error });
    const ms = Math.round(data.details?.duration_ms ?? 0);
    yield `test ${data.name} ... ${type === 'test:pass' ? 'ok' : 'FAILED'} (${ms} ms)\n`;
  }
  if (failures.length > 0) {
    yield '\nfailures:\n';
    for (const { name, error } of failures) yield `\n---- ${name} ----\n${inspect(error?.cause ?? error)}\n`;
  }
  const ok = failures.length === 0 ? 'ok' : 'FAILED';
  yield `\ntest result: ${ok}. ${passed} passed; ${failures.length} failed; ${skipped} ignored\n`;
}
