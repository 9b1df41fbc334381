-- Stands in for Pktgen: pktgen_stand_in.lua SCRIPT. Knows the functions that its lpktgenlib.c
-- registers and that the scripts use, with the numbers of their arguments; a gateway passes on what
-- is sent at up to PASSES percent. One that is not known is an error.
local passes = tonumber(os.getenv("PASSES"))
local rate, sequence, sent, received, now, sending = 100, {}, 0, 0, 0, false
local made = {}

local function known(name, arguments, act)
  made[name] = function(...)
    local given = select("#", ...)
    if given ~= arguments then error(name .. ": " .. given .. " arguments") end
    return act and act(...)
  end
end

known("stop", 1, function() sending = false end)
known("start", 1, function(port) assert(port == "0"); sending = true end)
known("reset", 1)
known("clr", 0, function() sent, received = 0, 0 end)
known("delay", 1, function(milliseconds)
  now = now + milliseconds
  if not sending then return end
  sent = sent + math.floor(rate * milliseconds)
  received = received + math.floor(math.min(rate, passes) * milliseconds)
end)
local settings = { size = true, rate = true, count = true, sport = true, dport = true,
                   seq_cnt = true }
known("set", 3, function(_, what, value)
  assert(settings[what], what)
  assert(type(value) == "number", what)
  if what == "rate" then rate = value end
  if what == "seq_cnt" and value > 0 then assert(value == #sequence + 1, "seq_cnt") end
end)
known("set_mac", 3)
known("set_ipaddr", 3, function(_, what, address)
  assert((what == "src") == (address:find("/") ~= nil), "a source has a prefix, no destination")
end)
known("set_proto", 2)
known("set_range", 2)
known("latency", 2)
known("seqTable", 3, function(number, _, values)
  assert(values.pktSize and values.ip_dst_addr and values.sport)
  sequence[number] = values
end)
known("portStats", 2, function()
  return { [0] = { opackets = sent, ipackets = 0 }, [1] = { opackets = 0, ipackets = received } }
end)
known("pktStats", 1, function() return { [1] = { latency = { num_pkts = 7, avg_us = 3 } } } end)

made.range = {}
for _, name in ipairs({ "dst_mac", "src_mac", "src_ip", "dst_ip", "src_port", "dst_port",
                        "pkt_size" }) do
  made.range[name] = function(...)
    assert(select("#", ...) == 3, name)
    local what = select(2, ...)
    assert(what == "start" or what == "inc" or what == "min" or what == "max", what)
  end
end
made.range.ip_proto = function(...) assert(select("#", ...) == 2, "ip_proto") end

local strict = { __index = function(_, name) error("Pktgen has no " .. name) end }
setmetatable(made.range, strict)
pktgen = setmetatable(made, strict)
dofile(arg[1])
