#!/usr/bin/env python3
"""Several pyroscope.ebpf blocks at once: each with its rate, its targets, its labels, its endpoints.

Three blocks of different rates profile the whole host, and one program under a name of its own: count
times period is the same for each, whatever its rate. One forwards to the first server, one to the
second, one to both. Then blocks learn late of a program that they profile, and have all of it. Then
the rate changes while a program runs, and count times period goes on giving its CPU time.
"""

import os
import signal
import subprocess
import sys
import time

import harness
import workloads
from harness import check
from receiver import Receiver
from targets_test import by_service, prefer, reload, samples_of

RATES_HZ = {"fast": 997, "middle": 331, "slow": 101}
STEADY_S = 6.0
TARGET_S = 1.0       # how late discovery is
LATE_S = 2.0         # of a container's start, all that is asked about
CHANGED_HZ = (97, 400, 49)
CHANGED_S = 6.0
TOLERANCE = 0.01     # of count x period between blocks
CPU_TOLERANCE = 0.05 # against the kernel's own account, while others work on this host

BLOCK = """
pyroscope.ebpf "{name}" {{
  forward_to       = [{to}]
  targets          = [{targets}]
  sample_rate      = {rate}
  collect_interval = "{interval}"
  {more}
}}
"""

WRITE = """
pyroscope.write "{name}" {{
  endpoint {{
    url                = "{url}"
    min_backoff_period = "100ms"
  }}
}}
"""

FORWARDS = {"fast": ("one",), "middle": ("two",), "slow": ("one", "two")}
INTERVALS = {"fast": "300ms", "middle": "700ms", "slow": "1s"}


def block(name, pid, rate, more=""):
    target = f'{{"__process_pid__" = "{pid}", service_name = "{name}"}}' if pid else ""
    return BLOCK.format(name=name, rate=rate, targets=target, interval=INTERVALS[name], more=more,
                        to=", ".join(f"pyroscope.write.{to}.receiver" for to in FORWARDS[name]))


def configuration(receivers, pids, rates, has_rest=False):
    more = {name: f'default_target = {{service_name = "{name}-rest"}}\n' if has_rest else "" for name in rates}
    if "slow" in more:
        more["slow"] += "collect_kernel_profile = false"
    return "".join([WRITE.format(name=name, url=receivers[name].url) for name in receivers] +
                   [block(name, pids.get(name), rates[name], more.get(name, "")) for name in rates])


def cpu_seconds(pid):
    """User and system time of @pid, in nanosecond steps."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1e9


def cpu_of(received):
    """Seconds of CPU time in these profiles: the sum of their values."""
    return sum(values[-1] for one in received for values in one.profile.samples.values()) / 1e9


def profiles(receivers, service):
    return {name: by_service(receiver.snapshot()).get(service, [])
            for name, receiver in receivers.items()}


def settle(triptych):
    """Ends the collector, so that every sample is where it belongs."""
    triptych.stop_collector()
    harness.check_books(triptych.final)
    harness.wait_for(lambda: all(v == 0 for k, v in triptych.metrics().items()
                                 if k.startswith("triptych_endpoint_samples_held")), 30, "all pushed")


def check_routes(receivers, name):
    """Profiles of block @name are where it forwards to, and nowhere else. Returns them."""
    found = [profiles(receivers, service) for service in (name, name + "-rest")]
    for by_receiver in found:
        for to, received in by_receiver.items():
            check(bool(received) == (to in FORWARDS[name]), f"{name} at {to}: {len(received)} profiles")
        at = [cpu_of(by_receiver[to]) for to in FORWARDS[name]]
        check(len(set(at)) == 1, f"{name}: not the same at its endpoints: {at}")
    received = [one for by_receiver in found for one in by_receiver[FORWARDS[name][0]]]
    periods = {one.profile.period for one in received}
    check(periods == {1000000000 // RATES_HZ[name]}, f"{name}: periods {periods}")
    return received


def check_blocks(receivers):
    seconds = {name: cpu_of(check_routes(receivers, name)) for name in RATES_HZ}
    own = {name: cpu_of(profiles(receivers, name)[FORWARDS[name][0]]) for name in RATES_HZ}
    print("CPU of the host, s:", {name: round(value, 3) for name, value in seconds.items()},
          "of the program:", {name: round(value, 3) for name, value in own.items()})
    for name, rate in RATES_HZ.items():
        slack = 2 * os.cpu_count() / rate # what error diffusion may hold back
        check(abs(seconds[name] - seconds["fast"]) <= TOLERANCE * seconds["fast"] + slack,
              f"{name} has {seconds[name]:.3f} s of {seconds['fast']:.3f} s")
        # Whose ticks are taken is chance, as far as others have some on the same CPU.
        n = own["fast"] * rate
        check(abs(own[name] - own["fast"]) * rate < 4 * n ** 0.5 + 2, f"{name}: {own[name]:.3f} s")


def kernel_frames(received):
    return sum(location.mapping is not None and location.mapping.filename.startswith("[kernel")
               for one in received for stack, _ in one.profile.samples for location in stack)


def run_blocks(directory, program):
    receivers = {name: Receiver(f"{directory}/{name}") for name in ("one", "two")}
    with receivers["one"], receivers["two"]:
        process = harness.spawn([program, "600"], stdout=subprocess.DEVNULL)
        text = configuration(receivers, dict.fromkeys(RATES_HZ, process.pid), RATES_HZ, True)
        with harness.Triptych("", configuration=text, sample_rate=max(RATES_HZ.values())) as triptych:
            time.sleep(STEADY_S)
            process.kill()
            harness.reap(process, 5)
            settle(triptych)
            check(triptych.final["triptych_samples_copied_total"] > 0, "nothing was copied")
            check_blocks(receivers)
        check(kernel_frames(profiles(receivers, "fast-rest")["one"]) > 0, "no kernel frames")
        check(kernel_frames(profiles(receivers, "slow-rest")["one"]) == 0, "kernel frames")


def run_late(directory, program):
    """The targets of one block come @TARGET_S after the program, those of another even later."""
    rates = dict.fromkeys(RATES_HZ, 499)
    receivers = {name: Receiver(f"{directory}/late-{name}") for name in ("one", "two")}
    with receivers["one"], receivers["two"]:
        with harness.Triptych("", configuration=configuration(receivers, {}, rates),
                              sample_rate=499) as triptych:
            process = harness.spawn([program, "600"], stdout=subprocess.DEVNULL)
            time.sleep(TARGET_S)
            pids = {"fast": process.pid}
            reload(triptych, configuration(receivers, pids, rates))
            time.sleep(LATE_S - TARGET_S)
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.1)
            cpu_s = cpu_seconds(process.pid)
            reload(triptych, configuration(receivers, dict.fromkeys(rates, process.pid), rates))
            time.sleep(1.5)
            settle(triptych)
            process.kill()
            harness.reap(process, 5)
        seconds = {name: cpu_of(profiles(receivers, name)[FORWARDS[name][0]]) for name in rates}
        print(f"late: CPU {cpu_s:.3f} s, by block:", seconds)
        for name, value in seconds.items():
            check(value > 0.95 * cpu_s, f"{name} has {value:.3f} of {cpu_s:.3f} s")
        check(len(set(seconds.values())) == 1, "blocks of one rate differ")


def run_rates(directory, program):
    with Receiver(f"{directory}/rates") as receiver:
        receivers = {"one": receiver}
        process = harness.spawn([program, "600"], stdout=subprocess.DEVNULL)
        process.send_signal(signal.SIGSTOP)

        def text(rate):
            return configuration(receivers, {"fast": process.pid}, {"fast": rate})
        with harness.Triptych("", configuration=text(CHANGED_HZ[0]), sample_rate=CHANGED_HZ[0]) as triptych:
            prefer(process.pid, min(os.sched_getaffinity(0)))
            started_s = cpu_seconds(process.pid)
            process.send_signal(signal.SIGCONT)
            for rate in CHANGED_HZ:
                reload(triptych, text(rate))
                time.sleep(CHANGED_S)
            process.send_signal(signal.SIGSTOP)
            time.sleep(0.1)
            cpu_s = cpu_seconds(process.pid) - started_s
            settle(triptych)
            process.kill()
            harness.reap(process, 5)
        received = by_service(receiver.snapshot())["fast"]
        by_period = {}
        for one in received:
            by_period.setdefault(one.profile.period, []).append(one)
        seconds = {1000000000 // period: cpu_of(some) for period, some in by_period.items()}
        print(f"CPU {cpu_s:.3f} s, sampled {cpu_of(received):.3f} s:", seconds, samples_of(received))
        check(set(seconds) == set(CHANGED_HZ), f"rates {set(seconds)}")
        check(abs(cpu_of(received) - cpu_s) < CPU_TOLERANCE * cpu_s, "count x period is not the CPU time")
        for rate, value in seconds.items():
            check(value > 0.6 * cpu_s / len(CHANGED_HZ), f"{value:.3f} s at {rate} Hz")


def main():
    with harness.scratch() as directory:
        program = workloads.build_c(directory, "split.c", "steady")
        run_blocks(directory, program)
        run_late(directory, program)
        run_rates(directory, program)
    return 0


if __name__ == "__main__":
    sys.exit(main())
