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
  text(): Promise<string>
}
