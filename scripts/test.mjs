/**
 * `npm test`: all tests. Arguments go to jest (`npm test -- cluster-resume -t 'killed process'`), and then the Rust tests are left out.
 *
 * Ends with the line `N passed, N failed`. With CI=true a skipped test counts as failed.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildLoad, loadManifest } from './lib/benchmark.mjs';
import { ensureExample } from './lib/example.mjs';
import { bin, ensureNodeModules } from './lib/node-modules.mjs';
import { buildPackage } from './lib/package.mjs';
import { clusterExample } from './lib/paths.mjs';
import { ensurePython } from './lib/python.mjs';
import { ensureRedisServers } from './lib/redis-servers.mjs';
import { finish, main } from './lib/run.mjs';
import { ensureTools } from './lib/system-tools.mjs';
import { cargoResults, jestResults, total } from './lib/test-results.mjs';

/** The files that start Next.js, its example apps or a browser. They share folders and the processors, so no two of them run at once. */
const WITH_APPS = '__test__/((next-|cluster|publish-runtimes|react|sigterm)|[^/]*(browser|firefox|next)\\.)';

/** Several Rust tests for each core, because most of their time goes by in waiting. */
const THREADS = { RUST_TEST_THREADS: String(3 * availableParallelism()) };

await main(async () => {
  const jestArguments = process.argv.slice(2);
  const { caddy, chromium, firefox, haproxy, nginx, redis, webkit, xvfb } = await ensureTools(
    'cargo',
    'cc',
    'ip',
    'network namespaces',
    'process namespaces',
    'caddy',
    'chromium',
    'curl',
    'firefox',
    'haproxy',
    'nginx',
    'python',
    'redis',
    'strace',
    'webkit',
    'xvfb',
  );
  const python = await ensurePython();
  const withRust = jestArguments.length === 0;
  // The addon's last step, linking, keeps one core busy for minutes: the tests compile on the others meanwhile.
  await Promise.all([buildPackage(), withRust && compileRustTests()]);
  await ensureExample();
  await ensureNodeModules(clusterExample);
  await buildLoad();

  const results = [];
  if (withRust) {
    results.push(await runCargo('cargo test', ['--workspace'], { REDIS_PATH: redis }));
    results.push(await runCargo('cargo test of the benchmark', ['--manifest-path', loadManifest]));
    for (const server of await ensureRedisServers(python)) results.push(await runWithOtherServer(server));
  }
  if (!withRust) console.log('Running jest only, because it got arguments. The Rust tests are left out.');
  const programs = {
    CADDY_PATH: caddy,
    CHROMIUM_PATH: chromium,
    FIREFOX_PATH: firefox,
    HAPROXY_PATH: haproxy,
    NGINX_PATH: nginx,
    PYTHON_PATH: python,
    REDIS_PATH: redis,
    WEBKIT_PATH: webkit,
    XVFB_PATH: xvfb,
  };
  results.push(...(withRust ? await runAllOfJest(programs) : [await runJest(jestArguments, programs)]));
  return conclude(results);
});

/** The tests that do not compile are reported when they run. */
async function compileRustTests() {
  await finish('cargo', ['test', '--workspace', '--locked', '--no-run', '--quiet']);
}

async function runCargo(name, scope, env, testArguments = []) {
  const args = ['test', ...scope, '--locked', '--no-fail-fast', '--', ...testArguments];
  const { exitCode, stdout } = await finish('cargo', args, { stdout: 'both', env: { ...THREADS, ...env } });
  return reconciled(name, exitCode, cargoResults(stdout));
}

/** The backplane's tests, but for TLS, which those builds lack. */
async function runWithOtherServer({ name, program }) {
  if (!program)
    return { passed: 0, failed: 0, skipped: [`the backplane's tests with ${name}, which could not be installed`] };
  console.log(`\nWith ${name}:`);
  // Of the whole workspace: for one crate alone, cargo would compile everything again with that crate's features.
  const scope = ['--workspace', '--test', 'redis'];
  return runCargo(`cargo test with ${name}`, scope, { REDIS_PATH: program }, ['--skip', 'over_tls']);
}

/** Two processes at a time, because half of the time of these tests goes by in waiting. */
async function runAllOfJest(env) {
  const groups = [`--testPathPatterns=${WITH_APPS}`, `--testPathIgnorePatterns=${WITH_APPS}`];
  return Promise.all(groups.map((group) => runJest([group], env)));
}

/** One file after the other. */
async function runJest(jestArguments, env) {
  const folder = mkdtempSync(join(tmpdir(), 'ssekit-jest-'));
  try {
    const report = join(folder, 'report.json');
    const args = [bin('jest'), '--runInBand', '--json', `--outputFile=${report}`, ...jestArguments];
    const { exitCode } = await finish(process.execPath, args, { env, minutes: 45 });
    return reconciled('jest', exitCode, readJestReport(report));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function readJestReport(file) {
  // Jest writes no report when it cannot start or dies: then no test of it is known to have passed.
  if (!existsSync(file)) return { passed: 0, failed: 0, skipped: [] };
  return jestResults(JSON.parse(readFileSync(file, 'utf8')));
}

/** A runner that ran nothing, or failed without a failed test (something did not compile), counts as one failed test. */
function reconciled(runner, exitCode, results) {
  const ranNothing = results.passed + results.failed === 0;
  if (!ranNothing && (exitCode === 0 || results.failed > 0)) return results;
  console.error(`\n${runner} ended with exit code ${exitCode}${ranNothing ? ' and ran no test' : ''}.`);
  return { ...results, failed: results.failed + 1 };
}

function conclude(results) {
  const { passed, failed, skipped } = total(results);
  if (skipped.length > 0) console.log(`\nSkipped:\n${skipped.map((name) => `  ${name}`).join('\n')}`);
  const failures = process.env.CI ? failed + skipped.length : failed;
  console.log(`\n${passed} passed, ${failures} failed`);
  return failures > 0 ? 1 : 0;
}
