import { api } from '@einklang/contract'
import { mount, type StageParts } from '@einklang/platform'
import type { Budget } from './index.ts'

const routes = api.budget

export function budgetParts(budget: Budget): StageParts {
  return {
    stage: 'budget',
    routes: [
      mount(routes.overview, ({ query }) => budget.overview(query)),
      mount(routes.exportCsv, ({ query }) => budget.overviewCsv(query)),
      mount(routes.entries, ({ query }) => budget.entries(query)),
      mount(routes.addEntry, ({ body }, { caller }) => budget.addEntry(body, caller)),
      mount(routes.imports, ({ query }) => budget.imports(query)),
      mount(routes.importSpend, ({ body }, { caller }) => budget.importSpend(body, caller)),
      mount(routes.roi, ({ query }) => budget.roi(query)),
      mount(routes.advise, ({ body }) => budget.advisor.advise(body)),
      mount(routes.propose, ({ body }, { caller }) => budget.advisor.propose(body, caller)),
      mount(routes.proposals, () => budget.advisor.proposals()),
      mount(routes.applyProposal, ({ params }, { caller }) => budget.advisor.apply(params.proposal, caller)),
      mount(routes.plan, ({ query }) => budget.plan(query)),
      mount(routes.setPlan, ({ body }, { caller }) => budget.setPlan(body.lines, caller)),
    ],
  }
}
