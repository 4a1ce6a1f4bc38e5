-- The golden mix for wrk: 80 % reads, 15 % order details, 5 % place and pay. Tokens and goods come from the environment.
-- One response in twenty is an order just placed; its payment is created by the request after it.
local token = os.getenv("BENCH_TOKEN")
local product = os.getenv("BENCH_PRODUCT")
local seller = os.getenv("BENCH_SELLER")
local known = os.getenv("BENCH_ORDER")
local headers = { ["Authorization"] = "Bearer " .. token, ["Content-Type"] = "application/json" }
local place = string.format(
  '{"products":[{"product_uuid":"%s","quantity":1}],"seller_uuid":"%s","payment_method":0,'
    .. '"shipping_name":"Bench","shipping_phone":"13800000000","shipping_address":"Bench road 1"}',
  product, seller)
local unpaid = nil
local errors = 0

function init() math.randomseed(os.time()) end

function request()
  if unpaid then
    local body = string.format('{"order_uuid":"%s","payment_method":"alipay","payment_subject":"bench"}', unpaid)
    unpaid = nil
    return wrk.format("POST", "/api/payment/create/", headers, body)
  end
  local dice = math.random(1000)
  if dice <= 800 then return wrk.format("GET", "/api/orders/?page_size=10", headers) end
  if dice <= 975 then return wrk.format("GET", "/api/orders/" .. known .. "/", headers) end
  return wrk.format("POST", "/api/orders/", headers, place)
end

function response(status, _, body)
  if status >= 400 then errors = errors + 1 end
  if status == 201 or status == 200 then
    local uuid = string.match(body, '^{"code":"20[01]".-"order_uuid":"([%x-]+)"')
    if uuid and string.find(body, '"message":"订单创建成功"', 1, true) then unpaid = uuid end
  end
end

function done(summary, latency)
  local seconds = summary.duration / 1e6
  io.write(string.format(
    '{"requests": %d, "per_second": %.1f, "p50_ms": %.2f, "p99_ms": %.2f, "status_errors": %d, "socket_errors": %d}\n',
    summary.requests, summary.requests / seconds, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
