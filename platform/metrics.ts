import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** Prometheus metrics; label sets are bounded and carry no personal data. */
export type Metrics = {
  counter(
    name: string,
    help: string,
    labels?: string[],
  ): { add(by?: number, labels?: { [label: string]: string }): void }
  gauge(
    name: string,
    help: string,
    labels?: string[],
  ): { set(value: number, labels?: { [label: string]: string }): void }
  /** Seconds. */
  histogram(
    name: string,
    help: string,
    labels?: string[],
  ): { observe(seconds: number, labels?: { [label: string]: string }): void }
  /** All of this process and of those that joined, in Prometheus' text form. */
  text(): Promise<string>
  /** All of this process, as another process can add them to its own. */
  values(): Promise<object[]>
  /** Adds what a process of ours counts; sums are shown. */
  join(read: () => Promise<object[]>): void
}

/** A registry of its own; asking twice for a name gives the same metric. */
export function createMetrics(options: { process?: boolean } = {}): Metrics {
  const registry = new Registry()
  if (options.process) collectDefaultMetrics({ register: registry, prefix: 'einklang_' })
  const joined: (() => Promise<object[]>)[] = []
  const values = () => registry.getMetricsAsJSON()
  const once = <Kind>(name: string, make: () => Kind): Kind =>
    (registry.getSingleMetric(name) as Kind | undefined) ?? make()
  return {
    counter(name, help, labelNames = []) {
      const counter = once(name, () => new Counter({ name, help, labelNames, registers: [registry] }))
      return { add: (by = 1, labels = {}) => counter.inc(labels, by) }
    },
    gauge(name, help, labelNames = []) {
      const gauge = once(name, () => new Gauge({ name, help, labelNames, registers: [registry] }))
      return { set: (value, labels = {}) => gauge.set(labels, value) }
    },
    histogram(name, help, labelNames = []) {
      const buckets = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30]
      const histogram = once(name, () => new Histogram({ name, help, labelNames, buckets, registers: [registry] }))
      return { observe: (seconds, labels = {}) => histogram.observe(labels, seconds) }
    },
    values,
    join: (read) => void joined.push(read),
    async text() {
      const others = (await Promise.all(joined.map((read) => read()))).filter((given) => given.length > 0)
      if (others.length === 0) return registry.metrics()
      return AggregatorRegistry.aggregate([await values(), ...others]).metrics()
    },
  }
}
