/** Reads what the two test runners report into `{ passed, failed, skipped }`, where `skipped` holds names. */

/** From what `cargo test` prints: one `test result:` line per test program, one line per ignored test. */
export function cargoResults(output) {
  const count = (what) => [...output.matchAll(RESULT_LINES)].reduce((sum, line) => sum + Number(line.groups[what]), 0);
  const skipped = [...output.matchAll(/^test (.+) \.\.\. ignored/gm)].map((line) => line[1]);
  return { passed: count('passed'), failed: count('failed'), skipped };
}

const RESULT_LINES = /^test result: \w+\. (?<passed>\d+) passed; (?<failed>\d+) failed;/gm;

/** From the report of `jest --json`. A file that could not even be loaded counts as one failed test. */
export function jestResults(report) {
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  const skipped = tests.filter((test) => ['pending', 'todo', 'skipped', 'disabled'].includes(test.status));
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: skipped.map((test) => test.fullName),
  };
}

/** Adds results up. */
export function total(results) {
  const sum = { passed: 0, failed: 0, skipped: [] };
  for (const { passed, failed, skipped } of results) {
    sum.passed += passed;
    sum.failed += failed;
    sum.skipped.push(...skipped);
  }
  return sum;
}
