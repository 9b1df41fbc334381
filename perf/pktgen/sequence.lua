-- Twelve packets in turn, each of its own flow: IMIX, 7 of 64, 4 of 594 and 1 of 1518 bytes.
package.path = (os.getenv("VIPGATE_PKTGEN") or "perf/pktgen") .. "/?.lua;" .. package.path
local vipgate = require("vipgate")

local sizes = { 64, 594, 64, 64, 594, 64, 1518, 64, 594, 64, 594, 64 }

vipgate.begin(64, 10)
for number, size in ipairs(sizes) do
  pktgen.seqTable(number - 1, vipgate.edge, {
    ["eth_dst_addr"] = vipgate.gateway_mac,
    ["eth_src_addr"] = vipgate.client_mac,
    ["ip_dst_addr"] = vipgate.vip,
    ["ip_src_addr"] = vipgate.first_client .. "/16",
    ["sport"] = 2000 + number,
    ["dport"] = vipgate.vip_port,
    ["ethType"] = "ipv4",
    ["ipProto"] = "udp",
    ["vlanid"] = 1,
    ["pktSize"] = size,
    ["gtpu_teid"] = 0,
  })
end
pktgen.set(vipgate.edge, "seq_cnt", #sizes)
vipgate.tell("sequence", vipgate.send(10000))
pktgen.set(vipgate.edge, "seq_cnt", 0)
