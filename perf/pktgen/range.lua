-- 65,536 flows in turn, each of another client or port, for ten seconds.
package.path = (os.getenv("VIPGATE_PKTGEN") or "perf/pktgen") .. "/?.lua;" .. package.path
local vipgate = require("vipgate")

local function range(what, first, step, last)
  local set = pktgen.range[what]
  set(vipgate.edge, "start", first)
  set(vipgate.edge, "inc", step)
  set(vipgate.edge, "min", first)
  set(vipgate.edge, "max", last)
end

vipgate.begin(64, 10)
pktgen.range.dst_mac(vipgate.edge, "start", vipgate.gateway_mac)
pktgen.range.src_mac(vipgate.edge, "start", vipgate.client_mac)
range("src_ip", vipgate.first_client, "0.0.0.1", "10.200.1.0")
range("dst_ip", vipgate.vip, "0.0.0.0", vipgate.vip)
range("src_port", 2000, 1, 2255)
range("dst_port", vipgate.vip_port, 0, vipgate.vip_port)
range("pkt_size", 64, 0, 64)
pktgen.range.ip_proto(vipgate.edge, "udp")
pktgen.set_range(vipgate.edge, "on")
vipgate.tell("range", vipgate.send(10000))
pktgen.set_range(vipgate.edge, "off")
