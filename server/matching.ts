// Matching on files needs the engine's rules but no running house: one door for the command line.
export * from '@einklang/engine/identity/matching'
