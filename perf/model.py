#!/usr/bin/env python3
"""What a gateway with faster ports and more cores would forward: a model, from measured figures.

  perf/run --mode fullnat nat ipip --flows 1048576 --huge --json path.json
  perf/scale --huge --json scale.json
  perf/model.py path.json scale.json [--gbps 200] [--workers 16] [--scaling 0.9] [--nic-ns 6]
                [--memory-gb-s 150]

For each measured case: what a core takes (the rate, less what the port's copy cost, plus what a NIC's
driver costs), times the workers, times what is left of a core where all of them share caches and
memory; what the line takes of frames of that size; and what the memory does, if no cache has any
line that a packet needs. The smallest is the gateway's rate, and its name stands beside it.

What is left of a core is what perf/scale measured of each of two workers, of the nearest mode, if
its results are in the files: with more than one, each packet's owner is looked for, too. The port's
own cost is that of `perf/run --only testpmd --testpmd-mode io` if that is in the file, or
else is taken as a NIC's. Nothing here was seen on such a machine: what is assumed stands above the
table. A gateway that gets the answers, too (fullnat, nat), shares its cores among both ways.

Exit status: 0 reckoned, 1 the results are not fit for it, 2 the options are wrong.
"""

import statistics

import arguments
import results

# Preamble, start of frame and gap (IEEE 802.3), and the checksum
# that captures leave out.
BETWEEN_FRAMES, CHECKSUM = 20, 4
SIZES = (60, 128, 256, 512, 1024, 1514)
SHORTEST = ("60", "74")  # of IPv4, of IPv6: what cases have that are about packets
CACHE_LINE = 64
# Lines of memory that a packet of a flow takes that no cache has, each of which is read and written
# back: the descriptors' share, the mbuf, the flow's bucket, and the record of a translating mode. The
# headers of a real's tunnel are many packets'. The frame itself is written by the NIC, and read.
COLD_LINES = {"fullnat": 4, "nat": 4}
COLD_LINES_DIRECT = 3
SCALING = 0.9  # a guess
# What goes out is longer by: an IPv4 header; with GRE's; with UDP's and GUE's.
TUNNEL_BYTES = {"ipip": 20, "gre": 24, "gue": 32}


def parse_arguments():
    parser = arguments.Parser("perf/model.py", __doc__)
    parser.add_argument("files", nargs="+", metavar="RESULTS.json")
    positive = arguments.number(1e-6, 1e6)
    parser.add_argument("--gbps", type=positive, default=200, help="of all ports together, each way")
    parser.add_argument("--workers", type=arguments.whole(1, 1024), default=16)
    parser.add_argument("--scaling", type=arguments.number(0.001, 1),
                        help="of a core's rate that is left when all work (default: as perf/scale "
                             f"has it of two workers, or {SCALING})")
    parser.add_argument("--nic-ns", type=arguments.number(0, 1e6), default=6,
                        help="of a core's time that the driver of a NIC takes for a packet, both ways")
    parser.add_argument("--memory-gb-s", type=positive, default=150,
                        help="that the memory gives: three quarters of eight channels of DDR4-3200")
    return parser.parse_args()


def line_mpps(gbps, frame_bytes):
    """Millions of frames of that size (without checksum) that a line takes a second."""
    return gbps * 1e3 / 8 / (frame_bytes + CHECKSUM + BETWEEN_FRAMES)


def port_ns(all_results):
    """What the port that was measured by costs a packet by itself; None: that was not measured."""
    costs = [1e3 / statistics.median(each["rounds"]) for each in all_results
             if each["name"].endswith(": testpmd io")]
    return min(costs, default=None)


def scalings(all_results):
    """By mode: what each of two workers, with its own packets, does of one alone."""
    rounds = {each["name"]: each["rounds"] for each in all_results}
    found = {}
    for name, one in rounds.items():
        own = rounds.get(name.removesuffix(", one") + ", own")
        if name.startswith("scale ") and name.endswith(", one") and own:
            found[name.removeprefix("scale ").removesuffix(", one")] = min(
                1.0, statistics.median(two / 2 / alone for alone, two in zip(one, own)))
    return found


def scaling_of(mode, args, measured):
    """What was asked for, or was measured of the mode or of one of its kind, or the guess."""
    if args.scaling is not None:
        return args.scaling
    kin = [other for other in measured if (other in COLD_LINES) == (mode in COLD_LINES)]
    return measured.get(mode, measured[kin[0]] if kin else SCALING)


def core_mpps(each, port, nic_ns):
    cost = 1e3 / statistics.median(each["rounds"])
    if port is None:
        return 1e3 / cost
    if cost <= port:
        raise results.BadResults(f"{each['name']!r} took {cost:.1f} ns a packet, and the port alone "
                                 f"{port:.1f}: measure both on a quiet machine")
    return 1e3 / (cost - port + nic_ns)


def memory_octets(mode, frame_bytes):
    """That a packet moves from and to the memory, if nothing of it is in a cache."""
    return 2 * (COLD_LINES.get(mode, COLD_LINES_DIRECT) * CACHE_LINE + frame_bytes)


def check(measured):
    """Raises BadResults for what no script writes, and nothing here can reckon with."""
    for each in measured:
        if each["unit"] != "Mpps":
            continue
        if not isinstance(each.get("setup", {}).get("mode", ""), str):
            raise results.BadResults(f"{each['name']!r}: its mode is no text")
        if min(each["rounds"]) == 0:
            raise results.BadResults(f"{each['name']!r}: a round without a packet is no rate")


def main():
    args = parse_arguments()
    measured = [each for path in args.files for each in results.read(path)["results"]]
    check(measured)
    port = port_ns(measured)
    cases = [each for each in measured if each["unit"] == "Mpps" and "mode" in each.get("setup", {})
             and ": testpmd" not in each["name"]
             and not each["name"].startswith("scale ") and each["setup"].get("size", "60") in SHORTEST]
    if not cases:
        raise results.BadResults("no rate of a mode is in the files: perf/run --json writes them")
    known = scalings(measured)
    modes = {mode: scaling_of(mode, args, known) for mode in
             dict.fromkeys(each["setup"]["mode"] for each in cases)}
    rates = [core_mpps(each, port, args.nic_ns) for each in cases]
    print(f"Assumed: {args.workers} workers, each at "
          + ", ".join(f"{share:.0%} ({mode})" for mode, share in modes.items())
          + " of one alone; "
          + f"{args.gbps:g} Gbit/s each way; a NIC's driver takes {args.nic_ns:g} ns a packet in place of "
          + (f"the measured port's {port:.1f} ns." if port is not None else
             "nothing: the measured port's cost is in the rates.")
          + f" The memory gives {args.memory_gb_s:g} GB/s, caches keep nothing. NICs and PCIe keep up "
          "with the line, and spread flows evenly, each packet to the worker that owns its flow.")
    print("| case | a core, Mpps | all cores, Mpps | memory for 60 bytes, GB/s | "
          + " | ".join(f"{size} bytes" for size in SIZES) + " |")
    print("|" + "---|" * (4 + len(SIZES)))
    for each, core in zip(cases, rates):
        mode = each["setup"]["mode"]
        cores = core * args.workers * modes[mode]
        shares = []
        for size in SIZES:
            limits = {"line": line_mpps(args.gbps, size + TUNNEL_BYTES.get(mode, 0)), "cores": cores,
                      "memory": args.memory_gb_s * 1e3 / memory_octets(mode, size)}
            least = min(limits, key=limits.get)
            shares.append(f"{limits[least]:.0f} Mpps ({least})")
        print(f"| {each['name']} | {core:.1f} | {cores:.0f} | "
              f"{cores * memory_octets(mode, SIZES[0]) / 1e3:.0f} | " + " | ".join(shares) + " |")


if __name__ == "__main__":
    arguments.run("perf/model.py", main)
