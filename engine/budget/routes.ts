import { api } from '@einklang/contract'
import type { StageParts } from '@einklang/platform'
import { measurementPhrases, spokenWith } from '#measurement'
import type { Budget } from './index.ts'
import { budgetPhrases } from './sayings.ts'

const routes = api.budget
const spoken = spokenWith(measurementPhrases, budgetPhrases)

export function budgetParts(budget: Budget): StageParts {
  return {
    stage: 'budget',
    routes: [
      spoken(routes.overview, ({ query }) => budget.overview(query)),
      spoken(routes.exportCsv, ({ query }) => budget.overviewCsv(query)),
      spoken(routes.entries, ({ query }) => budget.entries(query)),
      spoken(routes.addEntry, ({ body }, { caller }) => budget.addEntry(body, caller)),
      spoken(routes.imports, ({ query }) => budget.imports(query)),
      spoken(routes.importSpend, ({ body }, { caller }) => budget.importSpend(body, caller)),
      spoken(routes.mappings, () => budget.mappings()),
      spoken(routes.removeMapping, ({ body }, { caller }) => budget.removeMapping(body.name, caller)),
      spoken(routes.roi, ({ query }) => budget.roi(query)),
      spoken(routes.reach, ({ query }) => budget.reach.reach(query)),
      spoken(routes.reachCsv, ({ query }) => budget.reach.reachCsv(query)),
      spoken(routes.mediaLines, ({ query }) => budget.reach.lines(query)),
      spoken(routes.setMediaLine, ({ body }, { caller }) => budget.reach.setLine(body, caller)),
      spoken(routes.removeMediaLine, ({ params }, { caller }) => budget.reach.removeLine(params.line, caller)),
      spoken(routes.importMedia, ({ body }, { caller }) => budget.reach.importFile(body, caller)),
      spoken(routes.advise, ({ body }) => budget.advisor.advise(body)),
      spoken(routes.propose, ({ body }, { caller }) => budget.advisor.propose(body, caller)),
      spoken(routes.proposals, () => budget.advisor.proposals()),
      spoken(routes.applyProposal, ({ params }, { caller }) => budget.advisor.apply(params.proposal, caller)),
      spoken(routes.tests, () => budget.trials.list()),
      spoken(routes.planTest, ({ body }, { caller }) => budget.trials.plan(body, caller)),
      spoken(routes.measureTest, ({ params }) => budget.trials.measure(params.test)),
      spoken(routes.readTest, ({ params, body }, { caller }) => budget.trials.read(params.test, body, caller)),
      spoken(routes.dropTest, ({ params }, { caller }) => budget.trials.drop(params.test, caller)),
      spoken(routes.plan, ({ query }) => budget.plan(query)),
      spoken(routes.setPlan, ({ body }, { caller }) => budget.setPlan(body.lines, caller)),
    ],
  }
}
