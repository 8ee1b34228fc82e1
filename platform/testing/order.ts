import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that start processes and browsers take minutes: begun last, one of them would keep the whole run waiting. */
const long = ['/kill.test.ts', '/walk.test.ts', '/cli/serve.test.ts', '/restart.test.ts', '/platform/boot.test.ts']

/** The long files first, the others as Vitest orders them. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = (file: TestSpecification) => {
      const at = long.findIndex((name) => file.moduleId.endsWith(name))
      return at === -1 ? long.length : at
    }
    return (await super.sort(files)).toSorted((one, other) => rank(one) - rank(other))
  }
}
