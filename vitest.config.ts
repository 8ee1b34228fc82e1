import { defineConfig } from 'vitest/config'
import LongestFirst from './platform/testing/order.ts'

// Workspace packages are read as sources, by Vite for the tests and by Node for what stays external.
const source = { resolve: { conditions: ['source'], externalConditions: ['source'] } }

export default defineConfig({
  resolve: { conditions: ['source'] },
  ssr: source,
  environments: { ssr: source, __vitest__: source },
  test: {
    include: ['**/*.test.ts', '**/*.test.tsx'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/.cache/**'],
    pool: 'forks',
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    globalSetup: ['./platform/testing/setup.ts'],
    reporters: ['default', './platform/testing/reporter.ts'],
    // For a machine whose cores others use too; what must be quick says so itself.
    testTimeout: 120_000,
    hookTimeout: 180_000,
    teardownTimeout: 15_000,
  },
})
