-- What the scripts for Pktgen share: the gateway of perf/pktgen/README.md, and its two ports.
local vipgate = {
  edge = "0",     -- clients are at Pktgen's port 0
  cluster = "1",  -- reals at its port 1
  gateway_mac = "02:00:00:00:00:e1",
  client_mac = "02:00:00:00:00:c1",
  vip = "11.202.66.36",
  vip_port = 6379,
  first_client = "10.200.0.1",
}

-- What all scripts begin with: no packet is under way, and nothing of an earlier script is set.
function vipgate.begin(size, rate)
  pktgen.stop("all")
  pktgen.reset("all")
  pktgen.clr()
  pktgen.set(vipgate.edge, "size", size)
  pktgen.set(vipgate.edge, "rate", rate)  -- percent of what Pktgen takes the link for
  pktgen.set(vipgate.edge, "count", 0)    -- until stop
  pktgen.set_mac(vipgate.edge, "dst", vipgate.gateway_mac)
  pktgen.set_mac(vipgate.edge, "src", vipgate.client_mac)
  pktgen.set_ipaddr(vipgate.edge, "dst", vipgate.vip)
  pktgen.set_ipaddr(vipgate.edge, "src", vipgate.first_client .. "/16")
  pktgen.set_proto(vipgate.edge, "udp")
  pktgen.set(vipgate.edge, "sport", 2000)
  pktgen.set(vipgate.edge, "dport", vipgate.vip_port)
end

-- A port's counters since pktgen.clr(). Versions differ in whether the kind is asked for.
function vipgate.counters(port)
  local good, counters = pcall(pktgen.portStats, port, "port")
  if not good then counters = pktgen.portStats(port) end
  return counters[tonumber(port)]
end

-- Sends for so many milliseconds and waits for what is still under way: sent, received.
function vipgate.send(milliseconds)
  pktgen.clr()
  pktgen.start(vipgate.edge)
  pktgen.delay(milliseconds)
  pktgen.stop(vipgate.edge)
  pktgen.delay(2000)  -- RFC 2544, 23
  return vipgate.counters(vipgate.edge).opackets, vipgate.counters(vipgate.cluster).ipackets
end

function vipgate.tell(name, sent, received)
  print(string.format("%s: %d sent, %d at the reals, %d lost", name, sent, received,
                      sent - received))
end

return vipgate
