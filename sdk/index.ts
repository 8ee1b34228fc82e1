export {
  type CallInput,
  type Client,
  type ClientOptions,
  createClient,
  ProblemError,
  pathOf,
  problemOf,
} from './call.ts'
