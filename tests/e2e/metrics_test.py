#!/usr/bin/env python3
"""/metrics of running services: the families of Alloy's components under their names, with their
types and labels; a page that promtool finds nothing wrong with, whatever names others chose; counts
that never go back while services die; labels that servers refuse, left out and counted."""

import os
import shutil
import subprocess
import sys
import time

import exposition
import harness
from harness import check
from receiver import Receiver

ODD = 'a "quoted" \\back\\slash, \u00e9\u4e16\U0001f600 and {braces}=,'
LONG = "x" * 300
SLOW_S = 0.3 # of the receiver's answers, at first
CONFIGURATION = """
local.file "targets" {
  filename       = "@TARGETS@"
  poll_frequency = "500ms"
}
pyroscope.write "server" {
  endpoint {
    url                = "@URL@"
    min_backoff_period = "100ms"
  }
}
pyroscope.write "store" {
  endpoint { url = "@STORE@" }
}
pyroscope.ebpf "one" {
  forward_to       = [pyroscope.write.server.receiver]
  targets          = encoding.from_json(local.file.targets.content)
  collect_interval = "300ms"
}
pyroscope.ebpf "rest" {
  forward_to       = [pyroscope.write.store.receiver, pyroscope.write.server.receiver]
  default_target   = {"service_name" = "rest"}
  collect_interval = "700ms"
}
"""
COMPONENTS = {"local.file.targets", "pyroscope.write.server", "pyroscope.write.store",
              "pyroscope.ebpf.one", "pyroscope.ebpf.rest"}
OF_COMPONENT = {"component_id", "component_path"}
OF_SERVICE = OF_COMPONENT | {"service_name"}
OF_ENDPOINT = OF_COMPONENT | {"endpoint"}
# Of seed and reference: name, type, labels.
ALLOYS = {
    "pyroscope_ebpf_active_targets": ("gauge", OF_COMPONENT),
    "pyroscope_ebpf_pprofs_total": ("counter", OF_SERVICE),
    "pyroscope_ebpf_pprof_bytes_total": ("counter", OF_SERVICE),
    "pyroscope_ebpf_pprof_samples_total": ("counter", OF_SERVICE),
    "pyroscope_ebpf_profiling_sessions_total": ("counter", OF_COMPONENT),
    "pyroscope_ebpf_profiling_sessions_failing_total": ("counter", OF_COMPONENT),
    "pyroscope_fanout_latency": ("histogram", OF_COMPONENT | {"le"}),
    "pyroscope_symtab_elf_errors_total": ("counter", {"error"}),
    "pyroscope_symtab_proc_errors_total": ("counter", {"error"}),
    "pyroscope_symtab_known_symbols_total": ("counter", set()),
    "pyroscope_symtab_unknown_symbols_total": ("counter", set()),
    "pyroscope_symtab_unknown_modules_total": ("counter", set()),
    "pyroscope_write_sent_bytes_total": ("counter", OF_ENDPOINT),
    "pyroscope_write_dropped_bytes_total": ("counter", OF_ENDPOINT),
    "pyroscope_write_sent_profiles_total": ("counter", OF_ENDPOINT),
    "pyroscope_write_dropped_profiles_total": ("counter", OF_ENDPOINT),
    "pyroscope_write_retries_total": ("counter", OF_ENDPOINT),
}
HISTOGRAMS = ("pyroscope_fanout_latency", "triptych_endpoint_request_duration_seconds",
              "triptych_endpoint_request_size_bytes", "triptych_endpoint_profile_age_seconds",
              "triptych_spool_append_duration_seconds", "triptych_page_duration_seconds")
LABELS = OF_SERVICE | {"le", "endpoint", "error", "reason", "outcome", "path", "service", "version",
                       "cache", "where"}


def ask_promtool(text):
    promtool = shutil.which("promtool")
    if not promtool:
        print("no promtool: the page was read by our own reader only")
        return
    done = subprocess.run([promtool, "check", "metrics"], input=text, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    check(done.returncode == 0 and not done.stdout, f"promtool says {done.returncode}:\n{done.stdout}")


def read(triptych):
    text = triptych.get("/metrics")
    families = exposition.parse(text)
    for name, family in families.items():
        for labels in family.label_sets():
            check(labels.keys() <= LABELS, f"{name} has the labels {set(labels)}")
            check("component_id" not in labels or labels["component_id"] in COMPONENTS, f"{labels}")
            check(labels.get("component_path", "/") == "/", f"{labels}")
    return text, families


def check_alloys(families):
    for name, (kind, labels) in ALLOYS.items():
        check(name in families, f"there is no {name}")
        check(families[name].type == kind, f"{name} is a {families[name].type}")
        for found in families[name].label_sets():
            rest = set(found) - {"le"} if kind == "histogram" else set(found)
            check(rest == labels - {"le"}, f"{name} has the labels {found}")
    for name in HISTOGRAMS:
        check(families[name].type == "histogram", f"{name} is a {families[name].type}")
        check(families[name].sum(name + "_count") > 0, f"{name} is empty")


def check_counts(families, received, seconds):
    """What the numbers must come to: each profile is counted once, and arrived or waits."""
    def of(name, **labels):
        return families[name].sum(**labels)
    check(of("pyroscope_ebpf_active_targets", component_id="pyroscope.ebpf.one") == 2, "targets")
    check(of("pyroscope_ebpf_active_targets", component_id="pyroscope.ebpf.rest") == 0, "targets")
    for service in (ODD, LONG[:128]):
        for name in ("pprofs", "pprof_bytes", "pprof_samples"):
            check(of(f"pyroscope_ebpf_{name}_total", service_name=service,
                     component_id="pyroscope.ebpf.one") > 0, f"no {name} of {service!r}")
    check(of("pyroscope_ebpf_pprofs_total", service_name="rest",
             component_id="pyroscope.ebpf.rest") > 0, "no profiles of the rest")
    check(of("pyroscope_ebpf_pprof_samples_total") == of("triptych_spool_appended_samples_total"),
          "samples of services are not those of the spool")
    check(of("pyroscope_write_sent_profiles_total", component_id="pyroscope.write.server") ==
          received["profiles"], f"profiles sent are not {received}")
    for component, interval_s in (("one", 0.3), ("rest", 0.7)):
        n = of("pyroscope_ebpf_profiling_sessions_total", component_id=f"pyroscope.ebpf.{component}")
        check(0.4 * seconds / interval_s <= n <= 1.5 * seconds / interval_s + 3,
              f"{component}: {n} sessions in {seconds} s")
    check(of("pyroscope_ebpf_profiling_sessions_failing_total") == 0, "sessions failed")
    check(of("triptych_component_healthy") == len(COMPONENTS), "not all components are healthy")


def check_latency(families):
    """The first answers were slow: each profile in them was on its way as long."""
    fanout = families["pyroscope_fanout_latency"]
    one = {"component_id": "pyroscope.ebpf.one"}
    count = fanout.sum("pyroscope_fanout_latency_count", **one)
    check(fanout.sum("pyroscope_fanout_latency_bucket", le="0.25", **one) < count,
          "no answer took longer than a quarter of a second")
    check(fanout.sum("pyroscope_fanout_latency_sum", **one) > SLOW_S, "nothing took its time")


def never_less(before, after, but=()):
    for name, family in before.items():
        if family.type == "gauge" or name.startswith(but):
            continue
        for key, value in family.samples.items():
            check(after[name].samples.get(key, -1) >= value,
                  f"{key} went from {value} to {after[name].samples.get(key)}")


def write_targets(path, targets):
    with open(path + ".new", "w", encoding="utf-8") as file:
        file.write("[" + ",".join("{" + ",".join(
            f'"{name}":"{value}"' for name, value in target.items()) + "}" for target in targets) + "]")
    os.chmod(path + ".new", 0o644)
    os.rename(path + ".new", path)


def targets_of(pids, **more):
    escaped = ODD.replace("\\", "\\\\").replace('"', '\\"')
    return [{"__process_pid__": str(pids[0]), "service_name": escaped, **more},
            {"__process_pid__": str(pids[1]), "service_name": LONG}]


def survive_deaths(triptych):
    """Services die; what was counted stays."""
    _, before = read(triptych)
    triptych.kill("symbolizer-1")
    triptych.kill("collector")
    triptych.start("collector")
    triptych.start("symbolizer-3")
    harness.wait_for(lambda: triptych.log("shipper").count("event=collector-seen") == 2, 30,
                     "another collector")
    n_before = before["triptych_spool_appended_records_total"].sum()
    harness.wait_for(lambda: triptych.metrics()["triptych_spool_appended_records_total"] >
                     n_before + 2, 30, "profiles of the other")
    text, after = read(triptych)
    own = ("triptych_ticks", "triptych_samples", "triptych_kernel", "triptych_stacks_",
           "triptych_process", "triptych_drains", "triptych_object", "triptych_maps",
           "triptych_windows", "triptych_leases", "triptych_messages", "triptych_container")
    never_less(before, after, own) # the collector's: a new one begins anew
    ask_promtool(text)


def leave_out(triptych, path, pids):
    """Labels that the server refuses are no error, and are not sent; then they are gone."""
    write_targets(path, targets_of(pids, **{"a-b": "1", "9": "1", "long": "y" * 2049, "fine": "1"}))
    def left_out():
        _, families = read(triptych)
        found = families["triptych_target_labels_left_out_total"]
        return found.sum(reason="name") >= 2 and found.sum(reason="too_long") >= 1 and families
    families = harness.wait_for(left_out, 20, "labels left out")
    check(families["triptych_component_healthy"].sum() == len(COMPONENTS), "a component is ill of it")
    log = triptych.log("shipper")
    check('event=targets-flawed component=pyroscope.ebpf.one labels_left_out=3 '
          "targets_passed_over=0 targets_crowded=0 first=" in log, log)
    check("evaluation-failed" not in log, log)


def main():
    with harness.scratch() as directory, Receiver(directory) as receiver:
        targets = os.path.join(directory, "targets.json")
        busy = [harness.spawn([sys.executable, "-c", "while True: pass"]) for _ in range(2)]
        pids = [process.pid for process in busy]
        write_targets(targets, targets_of(pids))
        receiver.misbehave(count=3, slow_s=SLOW_S)
        text = CONFIGURATION.replace("@URL@", receiver.url).replace("@TARGETS@", targets)
        with harness.Triptych("", configuration=text) as triptych:
            started = time.monotonic()
            harness.wait_for(lambda: all(
                read(triptych)[1]["pyroscope_ebpf_pprofs_total"].sum(service_name=name) > 3
                for name in (ODD, LONG[:128], "rest")), 30, "profiles of all services")
            leave_out(triptych, targets, pids)
            survive_deaths(triptych)
            for process in busy:
                process.kill()
                harness.reap(process, 10)
            triptych.stop_collector()
            for name in triptych.symbolizers(): # they have nothing left to do
                triptych.kill(name)
            harness.wait_for(lambda: not any(
                value for key, value in triptych.metrics().items()
                if key.startswith("triptych_endpoint_samples_held")), 20, "all is sent")
            text, families = read(triptych)
            ask_promtool(text)
            check_alloys(families)
            check_counts(families, receiver.totals(), time.monotonic() - started)
            check_latency(families)
            check(any("fine" in dict(found.labels) for found in receiver.snapshot()) and not any(
                {"a-b", "9", "long"} & set(dict(found.labels)) for found in receiver.snapshot()),
                  "labels that were sent")
            triptych.terminate("shipper")
            log = triptych.log("shipper")
            check("event=stopped unsent_profiles=0 unsent_samples=0 endpoints_behind=0, nothing is left"
                  in log, log)
    print(f"{len(families)} families, {len(text)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
