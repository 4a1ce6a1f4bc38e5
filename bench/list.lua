-- One order list, again and again; for ratios between ways of serving the same rows.
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")

function done(summary, latency)
  local seconds = summary.duration / 1e6
  io.write(string.format(
    '{"requests": %d, "per_second": %.1f, "p50_ms": %.2f, "p99_ms": %.2f, "status_errors": %d, "socket_errors": %d}\n',
    summary.requests, summary.requests / seconds, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
