/**
 * `einklang bench ingest [SECONDS]`: durable requests per second, events per second in batches of 100, latency to the
 * acknowledgement, events through all stages, and how long until an event shows. Generator and server share the machine.
 * `einklang bench ingest stages [EVENTS]`: where the processor time of an applied event goes, stage by stage.
 * `einklang bench ingest steady [EVENTS PER SECOND] [SECONDS]`: that many events a second (12,000) through all stages for that
 * long (60; the claim is made with 300): what waits, what it costs.
 * `einklang bench ingest visible [PEOPLE] [SECONDS]`: time to visibility at 1,000 events a second among that many people
 * (50,000; the claim is made with 1000000). Prints one JSON line per figure.
 */
const [what, ...numbers] = process.argv.slice(2)

if (what === 'stages') {
  const { stageCosts } = await import('./stages.ts')
  await stageCosts(Number(numbers[0] ?? 60_000))
} else if (what === 'steady') {
  const { steadyLoad } = await import('./steady.ts')
  await steadyLoad(Number(numbers[0] ?? 12_000), Number(numbers[1] ?? 60))
} else if (what === 'visible') {
  const { visibleAmong } = await import('./visible.ts')
  await visibleAmong(Number(numbers[0] ?? 50_000), Number(numbers[1] ?? 60))
} else await import('./served.ts')
