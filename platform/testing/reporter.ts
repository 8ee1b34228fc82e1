import type { Reporter, TestModule } from 'vitest/node'

/** Ends the run with one line that readers and machines understand: `12 passed, 0 failed, 1 skipped`. */
export default class CountReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[] = []): void {
    let [passed, failed, skipped] = [0, errors.length, 0]
    for (const module of modules) {
      const before = failed
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        if (state === 'passed') passed++
        else if (state === 'failed') failed++
        else skipped++
      }
      // A file that does not load has no tests to fail, but it did fail.
      if (module.state() === 'failed' && failed === before) failed++
    }
    process.stdout.write(`\n${passed} passed, ${failed} failed, ${skipped} skipped\n`)
  }
}
