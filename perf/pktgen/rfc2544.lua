-- Throughput (RFC 2544, 26.1): for each size the highest rate, in percent, of which nothing is
-- lost.
package.path = (os.getenv("VIPGATE_PKTGEN") or "perf/pktgen") .. "/?.lua;" .. package.path
local vipgate = require("vipgate")

local trial_ms = tonumber(os.getenv("TRIAL_MS")) or 60000
local resolution = tonumber(os.getenv("RESOLUTION")) or 1  -- percent points
local sizes = { 64, 128, 256, 512, 1024, 1280, 1518 }

local function passes(size, rate)
  pktgen.set(vipgate.edge, "rate", rate)
  local sent, received = vipgate.send(trial_ms)
  vipgate.tell(string.format("%d bytes at %.2f %%", size, rate), sent, received)
  if sent == 0 then error("nothing was sent: is the link of port " .. vipgate.edge .. " up?") end
  return received >= sent
end

local function throughput(size)
  vipgate.begin(size, 100)
  if passes(size, 100) then return 100 end
  local low, high = 0, 100
  while high - low > resolution do
    local rate = (low + high) / 2
    if passes(size, rate) then low = rate else high = rate end
  end
  return low
end

for _, size in ipairs(sizes) do
  print(string.format("throughput of %d bytes: %.2f %%", size, throughput(size)))
end
