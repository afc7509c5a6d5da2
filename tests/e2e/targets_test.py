#!/usr/bin/env python3
"""Who is profiled is what the configuration says, also after it changed while everything runs.

Three equal programs run on a host of which only one is a target; then another; then all, each under
its own labels. A process without a target costs nothing once that is decided.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time

import harness
import workloads
from harness import check, family
from receiver import Receiver

RATE_HZ = 499
UNDECIDED_S = 10
MEASURED_S = 2.0

TEXT = """
pyroscope.ebpf "test" {{
  forward_to       = [pyroscope.write.test.receiver]
  targets          = [{targets}]
  {default}
  sample_rate      = {rate}
  collect_interval = "500ms"
}}
pyroscope.write "test" {{
  endpoint {{ url = "{url}" }}
}}
"""


def configuration(url, targets, default=None):
    """@targets: (pid, service) pairs. Each gets a second label, which must arrive, too."""
    rules = [f'{{"__process_pid__" = "{pid}", service_name = "{service}", team = "of {service}"}}'
             for pid, service in targets]
    return TEXT.format(url=url, targets=", ".join(rules), rate=RATE_HZ,
                       default=f'default_target = {{service_name = "{default}"}}' if default else "")


def samples_of(received, comm=None):
    """How many samples of programs called @comm are in these profiles."""
    n = 0
    for one in received:
        for (stack, _), values in one.profile.samples.items():
            root = stack[-1].lines[0][0].name if stack and stack[-1].lines else ""
            if comm in (None, root):
                n += values[0] // one.profile.period
    return n


def comms_of(received):
    return {stack[-1].lines[0][0].name for one in received for stack, _ in one.profile.samples
            if stack and stack[-1].lines}


def by_service(received):
    services = {}
    for one in received:
        services.setdefault(one.labels["service_name"], []).append(one)
    return services


def check_labels(services, expected):
    """@expected: of each service, its labels beside __name__."""
    check(set(services) <= set(expected), f"profiles of {set(services) - set(expected)}")
    for service, received in services.items():
        for one in received:
            labels = {k: v for k, v in one.labels.items() if k != "__name__"}
            check(labels == expected[service], f"{service}: labels {one.labels}")


@contextlib.contextmanager
def programs(directory, *names):
    """Runs the split program under each of @names until the end of the block."""
    processes = {}
    try:
        for name in names:
            program = workloads.build_c(directory, "split.c", name)
            processes[name] = harness.spawn([program, "600"], stdout=subprocess.DEVNULL)
        yield processes
    finally:
        for process in processes.values():
            process.kill()
            harness.reap(process, 5)


def prefer(pid, cpu):
    """@pid gets nearly all of @cpu, whatever else runs on this host."""
    os.sched_setaffinity(pid, {cpu})
    os.setpriority(os.PRIO_PROCESS, pid, -20)
    with contextlib.suppress(OSError), open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as file:
        file.write("-20")


def ordinary(pid):
    os.sched_setaffinity(pid, os.sched_getaffinity(0))
    os.setpriority(os.PRIO_PROCESS, pid, 0)
    with contextlib.suppress(OSError), open(f"/proc/{pid}/autogroup", "w", encoding="ascii") as file:
        file.write("0")


def fresh(triptych):
    """Metrics with counters that the collector sent after the call."""
    before = triptych.metrics()["triptych_ticks_total"]
    return harness.wait_for(
        lambda: (m := triptych.metrics())["triptych_ticks_total"] != before and m, 10, "counters")


def not_selected(metrics):
    return metrics['triptych_samples_skipped_total{reason="not_selected"}']


def walked(metrics):
    return metrics["triptych_stacks_walked_total"]


def check_cost_of_no(triptych, processes):
    """Two processes that are decided "no" take the CPUs: nearly no stack is walked."""
    cpus = sorted(os.sched_getaffinity(0))
    refused = [processes[name].pid for name in ("beta", "gamma")]
    os.kill(processes["alpha"].pid, signal.SIGSTOP)
    try:
        for pid, cpu in zip(refused, cpus[:1] * 2 if len(cpus) == 1 else cpus):
            prefer(pid, cpu)
        before, begun = fresh(triptych), time.monotonic()
        time.sleep(MEASURED_S)
        after = fresh(triptych)
        took_s = time.monotonic() - begun
    finally:
        for pid in refused:
            ordinary(pid)
        os.kill(processes["alpha"].pid, signal.SIGCONT)
    n_refused = not_selected(after) - not_selected(before)
    n_walked = walked(after) - walked(before)
    n_ticks = after["triptych_ticks_total"] - before["triptych_ticks_total"]
    print(f"in {took_s:.1f} s, {n_ticks:.0f} ticks: {n_refused:.0f} not selected, {n_walked:.0f} "
          "stacks walked")
    check(n_refused > 0.5 * RATE_HZ * took_s, "the refused processes did not run")
    check(n_walked < 0.15 * n_refused, "stacks of refused processes are walked")


def wait_samples(receiver, service, since, n=100):
    """Waits for @n samples of @service in profiles behind the first @since; returns all behind."""
    def come():
        received = receiver.snapshot()[since:]
        return samples_of(by_service(received).get(service, [])) >= n and received
    return harness.wait_for(come, 10, f"samples of {service}")


def reload(triptych, text):
    """A new file and SIGHUP; returns when the collector runs on it."""
    n = triptych.metrics()["triptych_config_reloads_total"]
    triptych.write_configuration(text)
    triptych.processes["shipper"].send_signal(signal.SIGHUP)
    m = harness.wait_for(lambda: (m := triptych.metrics())["triptych_config_reloads_total"] > n and m,
                         5, "the reload")
    check(m["triptych_config_last_reload_successful"] == 1, "the reload failed")
    harness.wait_for(lambda: triptych.metrics()["triptych_collector_current"] == 1, 5, "settings")


def settled(receiver):
    """The number of profiles when what was sampled before the call has come."""
    time.sleep(1.2) # two intervals, and the way
    return len(receiver.snapshot())


def run(triptych, receiver, processes):
    pids = {name: process.pid for name, process in processes.items()}
    services = {pid: triptych.processes[pid].pid for pid in triptych.processes}

    begun = time.monotonic()
    wait_samples(receiver, "alpha", 0)
    started = time.monotonic()
    first = fresh(triptych)
    harness.wait_for(lambda: not_selected(triptych.metrics()) - not_selected(first) > RATE_HZ,
                     UNDECIDED_S + 6, "refusals")
    print(f"decided after {time.monotonic() - started:.1f} s more; first samples after "
          f"{started - begun:.1f} s")
    check_cost_of_no(triptych, processes)
    only_alpha = receiver.snapshot()
    check(comms_of(only_alpha) == {"alpha"}, f"profiles of {comms_of(only_alpha)}")

    since = settled(receiver)
    reload(triptych, configuration(receiver.url, [(pids["beta"], "second")]))
    wait_samples(receiver, "second", since)
    since = settled(receiver)
    only_beta = wait_samples(receiver, "second", since)
    check(comms_of(only_beta) == {"beta"}, f"profiles of {comms_of(only_beta)}")

    reload(triptych, configuration(receiver.url, [(pids["alpha"], "third"), (2**22 + 1, "nobody")],
                                   "rest"))
    wait_samples(receiver, "rest", since)
    since = settled(receiver)
    wait_samples(receiver, "third", since)
    parted = by_service(wait_samples(receiver, "rest", since))
    check(comms_of(parted["third"]) == {"alpha"}, f"third: {comms_of(parted['third'])}")
    check({"beta", "gamma"} <= comms_of(parted["rest"]), f"rest: {comms_of(parted['rest'])}")
    check("alpha" not in comms_of(parted["rest"]), "a target's process is in the rest, too")
    triptych.check_alive()
    check(services == {name: p.pid for name, p in triptych.processes.items()}, "a restart")


def main():
    with (harness.scratch() as directory, Receiver(f"{directory}/received") as receiver,
          programs(directory, "alpha", "beta", "gamma") as processes):
        text = configuration(receiver.url, [(processes["alpha"].pid, "alpha")])
        with harness.Triptych(receiver.url, configuration=text) as triptych:
            run(triptych, receiver, processes)
            triptych.stop_collector()
            harness.check_delivered(triptych, receiver)
        expected = {name: {"service_name": name, "team": f"of {name}"}
                    for name in ("alpha", "second", "third")}
        expected["rest"] = {"service_name": "rest"}
        services = by_service(receiver.snapshot())
        check_labels(services, expected)
        print({service: samples_of(received) for service, received in services.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
