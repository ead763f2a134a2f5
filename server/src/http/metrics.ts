import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

/** How often the loop's lag is looked at: the default, every 10 ms, would be two fifths of what an idle server does. */
const LOOP_LAG_EVERY_MS = 200

/** What an operator watches (contract §2, Ops). `path` is the route's pattern, never a value. */
export class HttpMetrics {
  readonly registry = new Registry()
  readonly sockets = new Gauge({
    name: 'messenger_ws_connections_active',
    help: 'Sockets that are open on this node.',
    registers: [this.registry],
  })
  readonly socketsOpened = new Counter({
    name: 'messenger_ws_connections_total',
    help: 'Sockets that were ever opened on this node.',
    registers: [this.registry],
  })
  readonly messages = new Counter({
    name: 'messenger_messages_total',
    help: 'Messages that this node stored.',
    registers: [this.registry],
  })
  readonly #requests = new Counter({
    name: 'messenger_http_requests_total',
    help: 'Requests by route and status.',
    labelNames: ['method', 'path', 'status'],
    registers: [this.registry],
  })
  readonly #duration = new Histogram({
    name: 'messenger_http_request_duration_seconds',
    help: 'Time from the first byte to the answer.',
    labelNames: ['method', 'path'],
    buckets: SECONDS,
    registers: [this.registry],
  })

  constructor() {
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: LOOP_LAG_EVERY_MS })
  }

  /** The counters of one route, looked up once: this runs for every request. */
  route(method: string, path: string): (status: number, seconds: number) => void {
    const duration = this.#duration.labels(method, path)
    const byStatus = new Map<number, { inc(): void }>()
    return (status, seconds) => {
      let counter = byStatus.get(status)
      if (!counter) byStatus.set(status, (counter = this.#requests.labels(method, path, String(status))))
      counter.inc()
      duration.observe(seconds)
    }
  }
}
