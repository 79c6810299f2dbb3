/** The JavaScript contract. `npm test` runs it in one process, one file after the other. */
export default {
  // Only here are tests, and jest need not look at the example app, whose copy of ssekit has the same name.
  roots: ['<rootDir>/__test__'],
  testEnvironment: 'node',
  // Its cleanup between files wraps setters of objects that files share, and such a setter may call itself without end.
  testEnvironmentOptions: { globalsCleanup: 'off' },
  testMatch: ['**/*.spec.ts'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: { parser: { syntax: 'typescript' }, target: 'es2022' },
        module: { type: 'commonjs' },
        sourceMaps: 'inline',
      },
    ],
  },
  // TypeScript imports its files by the names of what they are compiled to.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // Tests wait for conditions, never for a time, so this is only reached when one is not met.
  testTimeout: 60_000,
};
