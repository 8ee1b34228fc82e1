// Fits on files run in the engine's threads without a running house: one door for the command line.
export { chainsInThreads } from '@einklang/engine/measurement/threads'
