#!/usr/bin/env python3
"""What a gateway with faster ports and more cores would forward: a model, from measured figures.

  perf/run --mode fullnat nat ipip --flows 1048576 --testpmd-mode 5tswap io --huge --json path.json
  perf/scale --huge --rounds 3 --json scale.json
  perf/model.py path.json scale.json [--gbps 200] [--workers 16] [--scaling 0.9] [--nic-ns 6]
                [--memory-gb-s 150]

For each measured case of one service: what a core takes (the rate, less what the port's copy cost,
plus what a NIC's driver costs), times the workers, times what is left of a core where all of them
share caches and memory; what the line takes of frames of that size; and what the memory does, if no
cache has any line that a packet needs. The smallest is the gateway's rate, and its name stands beside
it.

What is left of a core is what perf/scale measured of each of two workers, of the nearest mode, if
its results are in the files: with more than one, each packet's owner is looked for, too. The port's
own cost is that of testpmd's mode io with the same packets in the same rounds, if it is less than
that of its 5tswap: else it was another minute, which is told of, and the case keeps the port's cost
as if it were a NIC's, as does one that was measured without io. Nothing here was seen on such a
machine: what is assumed stands above the table. A gateway that gets the answers, too (fullnat, nat),
shares its cores among both ways.

Exit status: 0 reckoned, 1 the results are not fit for it, 2 the options are wrong.
"""

import re
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
LEAST_ROUNDS = 3  # of perf/scale: two workers on two CPUs meet whatever else runs
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


def rounds_of(all_results):
    """By name; those of references as perf/run names them where they are results of their own."""
    rounds = {each["name"]: each["rounds"] for each in all_results}
    for each in all_results:
        if "reference" in each:
            rounds[f"{each['name']}: {each['reference']['name']}"] = each["reference"]["rounds"]
    return rounds


def port_ns(each, rounds):
    """(what the port that the case was measured by costs a packet by itself, None), or (None, why
    that is not known)."""
    alone = rounds.get(f"{each['name']}: testpmd io")
    if alone is None:
        return None, "not measured"
    port = 1e3 / statistics.median(alone)
    for name, what in ((each["name"], "vipgated"), (f"{each['name']}: testpmd 5tswap", "5tswap")):
        if name in rounds and (cost := 1e3 / statistics.median(rounds[name])) <= port:
            return None, (f"testpmd io took {port:.1f} ns a packet, and {what}, which does more, "
                          f"{cost:.1f}: measure again on a quiet machine")
    return port, None


def scalings(rounds):
    """By mode: what each of two workers, with its own packets, does of one alone."""
    found = {}
    for name, one in rounds.items():
        mode = re.fullmatch(r"scale (\w+), one", name)  # of usual packets
        own = rounds.get(name.removesuffix(", one") + ", own")
        if mode and own:
            if len(one) < LEAST_ROUNDS:
                raise results.BadResults(f"{name!r} has {len(one)} rounds, of which {LEAST_ROUNDS} "
                                         "are needed: perf/scale --rounds")
            found[mode[1]] = statistics.median(two / 2 / alone for alone, two in zip(one, own))
    return found


def scaling_of(mode, args, measured):
    """What was asked for, or was measured of the mode or of one of its kind, or the guess."""
    if args.scaling is not None:
        return args.scaling
    kin = [other for other in measured if (other in COLD_LINES) == (mode in COLD_LINES)]
    return measured.get(mode, measured[kin[0]] if kin else SCALING)


def told_scaling(share):
    return f"{min(share, 1):.0%}" if share <= 1 else f"100% (measured {share:.0%})"


def core_mpps(each, port, nic_ns):
    cost = 1e3 / statistics.median(each["rounds"])
    return 1e3 / (cost if port is None else cost - port + nic_ns)


def memory_octets(mode, frame_bytes):
    """That a packet moves from and to the memory, if nothing of it is in a cache: what a tunnel puts
    before the frame is written back, and read by the NIC."""
    return 2 * (COLD_LINES.get(mode, COLD_LINES_DIRECT) * CACHE_LINE + frame_bytes
                + TUNNEL_BYTES.get(mode, 0))


def print_assumed(args, modes, ports):
    print(f"Assumed: {args.workers} workers, each at "
          + ", ".join(f"{told_scaling(share)} of one alone ({mode})" for mode, share in modes.items())
          + f"; {args.gbps:g} Gbit/s each way; a NIC's driver takes {args.nic_ns:g} ns a packet in "
          "place of what the measured port takes by itself (testpmd io, the same packets, in the same "
          "rounds)"
          + (", which is in the rates where none stands" if None in ports else "")
          + f". The memory gives {args.memory_gb_s:g} GB/s, caches keep nothing. NICs and PCIe keep up "
          "with the line, and spread flows evenly, each packet to the worker that owns its flow. "
          "Packets of one way only: where the gateway gets the answers, too (fullnat, nat), cores and "
          "memory are shared among both.")


def print_case(args, each, port, scaling):
    mode = each["setup"]["mode"]
    core = core_mpps(each, port, args.nic_ns)
    cores = core * args.workers * min(scaling, 1)
    shares = []
    for size in SIZES:
        limits = {"line": line_mpps(args.gbps, size + TUNNEL_BYTES.get(mode, 0)), "cores": cores,
                  "memory": args.memory_gb_s * 1e3 / memory_octets(mode, size)}
        least = min(limits, key=limits.get)
        shares.append(f"{limits[least]:.0f} Mpps ({least})")
    whole = 1e3 / statistics.median(each["rounds"])
    print(f"| {each['name']} | {whole:.1f} | {'' if port is None else f'{port:.1f}'} | {core:.1f} | "
          f"{cores:.0f} | {cores * memory_octets(mode, SIZES[0]) / 1e3:.0f} | "
          + " | ".join(shares) + " |")


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
    cases = [each for each in measured if each["unit"] == "Mpps"
             and "mode" in each.get("setup", {}) and ": testpmd" not in each["name"]
             and not each["name"].startswith("scale ")
             and each["setup"].get("size", "60") in SHORTEST
             and each["setup"].get("services", 1) == 1]
    if not cases:
        raise results.BadResults("no rate of a mode is in the files: perf/run --json writes them")
    rounds = rounds_of(measured)
    known = scalings(rounds)
    modes = {mode: scaling_of(mode, args, known) for mode in
             dict.fromkeys(each["setup"]["mode"] for each in cases)}
    ports, reasons = zip(*(port_ns(each, rounds) for each in cases))
    print_assumed(args, modes, ports)
    print("| case | measured, ns a packet | of it the port | a core, Mpps | all cores, Mpps | memory "
          "for 60 bytes, GB/s | " + " | ".join(f"{size} bytes" for size in SIZES) + " |")
    print("|" + "---|" * (6 + len(SIZES)))
    for each, port in zip(cases, ports):
        print_case(args, each, port, modes[each["setup"]["mode"]])
    unknown = [f"{each['name']}: {why}" for each, why in zip(cases, reasons) if why]
    if unknown:
        print("\nThe port's cost is not known: " + "; ".join(unknown) + ".")


if __name__ == "__main__":
    arguments.run("perf/model.py", main)
