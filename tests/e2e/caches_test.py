#!/usr/bin/env python3
"""build_id_cache_size and same_file_cache_size bound what a symbolizer holds, and one that starts beside a warm cache
directory reads no file and parses nothing."""

import sys

import harness
import workloads
from harness import check

BURN_MS = 60000
TEXT = """
pyroscope.ebpf "test" {{
  forward_to             = [pyroscope.write.test.receiver]
  targets                = [{targets}]
  sample_rate            = 997
  collect_interval       = "300ms"
  collect_kernel_profile = false
  build_id_cache_size    = {n_build_ids}
  same_file_cache_size   = {n_files}
}}
pyroscope.write "test" {{ endpoint {{ url = "@STORE@" }} }}
"""
COSTS = ("triptych_symbol_tables_built_total", "triptych_image_read_bytes_total")
WITHOUT = ["-Wl,--build-id=none"]


def configuration(pids, n_build_ids, n_files):
    targets = ", ".join('{"__process_pid__" = "%d", "service_name" = "test"}' % pid for pid in pids)
    return TEXT.format(targets=targets, n_build_ids=n_build_ids, n_files=n_files)


def tables(metrics, what, cache):
    return metrics[f'triptych_symbol_tables{what}{{cache="{cache}"}}']


def wait_for_windows(triptych, n):
    """Waits for @n windows more, and for the counters of whoever named them."""
    before = triptych.metrics()["triptych_windows_symbolized_total"]
    harness.wait_for(lambda: triptych.metrics()["triptych_windows_symbolized_total"] >= before + n, 60,
                     f"{n} windows", 0.3)
    return triptych.metrics()


def start_burners(directory):
    """Programs that differ: equal ones would share a table, whatever they are called."""
    programs = []
    for name, flags in (("a", []), ("b", []), ("c", []), ("d", WITHOUT), ("e", WITHOUT)):
        flags = flags + [f"-Dburn_at_the_bottom=burn_{name}"]
        programs.append(workloads.build_c(directory, "deep.c", f"burner-{name}", flags))
    return [harness.spawn([program, str(BURN_MS)]) for program in programs]


def check_bounds(metrics):
    for cache, n_max in (("build_id", 1), ("same_file", 1)):
        n, n_evicted = tables(metrics, "", cache), tables(metrics, "_evicted_total", cache)
        print(f"{cache}: {n:.0f} held, {n_evicted:.0f} evicted")
        check(n == n_max, f"{n} tables in a cache of {n_max}")
        check(n_evicted > 0, f"nothing went from the cache {cache}")


def grown_in_next_symbolizer(triptych, i):
    """What symbolizer @i, which takes the place of the one before, built and read of files."""
    triptych.terminate(f"symbolizer-{i - 1}")
    before = triptych.metrics()
    triptych.start(f"symbolizer-{i}")
    after = wait_for_windows(triptych, 30)
    for name in COSTS:
        print(f"{name}: {before[name]:.0f}, then {after[name]:.0f}")
        check(before[name] > 0, f"{name} is not counted")
    hits = 'triptych_symbol_tables_hit_total{cache="directory"}'
    check(after[hits] > before[hits], "nothing came from the directory")
    return any(after[name] != before[name] for name in COSTS)


def check_warm_starts(triptych):
    """A file that is seldom sampled may be met for the first time by any of them, but only by one."""
    for i in range(2, 6):
        if not grown_in_next_symbolizer(triptych, i):
            return
    raise harness.Failed("each symbolizer parses again what is in a warm cache")


def main():
    with harness.scratch() as directory:
        burners = start_burners(directory)
        text = configuration([burner.pid for burner in burners], 1, 1)
        try:
            with harness.Triptych("", configuration=text, sample_rate=997, n_symbolizers=1) as triptych:
                warm = wait_for_windows(triptych, 30)
                check_bounds(warm)
                check_warm_starts(triptych)
        finally:
            for burner in burners:
                burner.kill()
                harness.reap(burner, 5)
    return 0


if __name__ == "__main__":
    sys.exit(main())
