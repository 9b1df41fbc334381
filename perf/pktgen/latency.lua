-- One way: Pktgen marks packets at the edge and reads their latency where they come out, at the
-- reals' port. All that it tells of latency is printed, as versions differ in names.
package.path = (os.getenv("VIPGATE_PKTGEN") or "perf/pktgen") .. "/?.lua;" .. package.path
local vipgate = require("vipgate")

vipgate.begin(128, 10)  -- a marked packet has more than 64 bytes
pktgen.latency(vipgate.edge, "enable")
pktgen.latency(vipgate.cluster, "enable")
vipgate.tell("latency", vipgate.send(10000))

local figures = pktgen.pktStats(vipgate.cluster)[tonumber(vipgate.cluster)]
local told = {}
for name, value in pairs(figures.latency or figures) do
  if figures.latency or name:find("latency") or name:find("jitter") then
    told[#told + 1] = name .. " = " .. tostring(value)
  end
end
table.sort(told)
for _, line in ipairs(told) do print(line) end
pktgen.latency(vipgate.edge, "disable")
pktgen.latency(vipgate.cluster, "disable")
if #told == 0 then error("Pktgen tells no latency of port " .. vipgate.cluster) end
