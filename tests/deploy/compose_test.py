#!/usr/bin/env python3
"""The compose project on a real engine: two containers at work, symbolizers scaled under load, each
service killed once, everything stopped; no sample is lost, and each process holds what README says.

usage: compose_test.py CGROUP_VERSION
"""

import glob
import json
import os
import re
import signal
import sys
import time

import licences
import project
from project import engines, harness, status_of
import workloads
from harness import check

SCALES = (5, 1, 0, 2)
PROFILES_SECONDS = 30
# uid, capabilities once running, for each process: what README's table says.
SYS_ADMIN = 1 << 21
# By cgroup version, so that both ways are tried: where perf_event_paranoid is above 2, and not.
CAP_EXTRA = {1: "SYS_ADMIN", 2: ""}
OPENER = 0x0000010000080004  # SYS_PTRACE, CHECKPOINT_RESTORE, DAC_READ_SEARCH
PRIVILEGES = {"collector": (59111, 0), "opener": (59112, OPENER), "symbolizer": (59113, 0),
              "shipper": (59114, 0), "docker-proxy": (0, 0)}


def start_workloads(engine, directory):
    """A C and a Go program in containers of their own, both busy until the end."""
    names = {}
    for name, path, arguments in (
            ("c-busy", workloads.build_c(directory, "split.c", flags=["-static"]), ["1000"]),
            ("go-busy", workloads.build_go(directory), ["1000"])):
        image = f"triptych-test/{name}:test"
        engine.program_image(path, image)
        names[name] = engine.start_container(f"{name}-{os.getpid()}", image, *arguments)
    return names


def check_process(role, pid):
    status = status_of(pid)
    uid, caps = PRIVILEGES[role]
    check(status["Uid"].split() == [str(uid)] * 4, f"{role} {pid}: uids {status['Uid']}")
    for field in ("CapEff", "CapPrm"):
        check(int(status[field], 16) == caps, f"{role} {pid}: {field} {status[field]}")
    check(int(status["CapInh"], 16) == 0 and int(status["CapAmb"], 16) == 0,
          f"{role} {pid}: it can pass capabilities on")
    check(status["NoNewPrivs"] == "1", f"{role} {pid}: it may gain privileges")
    check(status["Seccomp"] == "2", f"{role} {pid}: no system call filter")
    if role != "docker-proxy":
        check(int(status["Seccomp_filters"]) >= 2, f"{role} {pid}: its own filter is missing")


def check_extra(running, extra):
    """What TRIPTYCH_CAP_EXTRA names is there at the start, when all that may be had is had."""
    collector = running.containers("collector")[0]
    added = {name.removeprefix("CAP_") for name in collector["HostConfig"]["CapAdd"]}
    check(("SYS_ADMIN" in added) == (extra == "SYS_ADMIN"), f"the engine adds {added}")
    bounds = int(status_of(collector["State"]["Pid"])["CapBnd"], 16)
    check(bool(bounds & SYS_ADMIN) == (extra == "SYS_ADMIN"), f"started with {bounds:x} at most")
    said = next(line for line in running.logs("collector").splitlines() if "event=started" in line)
    check(int(project.log_fields(said)["cap_eff"], 16) == 0, said)
    print(f"TRIPTYCH_CAP_EXTRA={extra}: started with {bounds:x}, runs with none")


def interfaces_of(pid):
    with open(f"/proc/{pid}/net/dev", encoding="utf-8") as file:
        return {line.split(":")[0].strip() for line in file.readlines()[2:]}


def is_root_read_only(pid):
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as file:
        return any(line.split()[4] == "/" and "ro" in line.split()[5].split(",") for line in file)


def check_privileges(running):
    n = 0
    for service in ("collector", "symbolizer", "shipper", "docker-proxy"):
        for pid in running.pids(service):
            inside = project.children_of(pid)
            check_process(service, pid)
            for child in inside:
                check_process("opener" if service == "collector" else service, child)
            check(is_root_read_only(pid), f"{service}: its root can be written")
            outside = interfaces_of(pid) - {"lo"}
            check(bool(outside) == (service == "shipper"), f"{service}: network {outside}")
            n += 1 + len(inside)
    check(len(project.children_of(running.pids("collector")[0])) == 4, "there are four helpers")
    return n


def received_labels(running):
    """Every label set that came, as the receiving server wrote it down."""
    volume = next(mount["Source"] for mount in running.containers("pyroscope")[0]["Mounts"]
                  if mount["Destination"] == "/data")
    found = set()
    for path in glob.glob(f"{running.engine.root or ''}{volume}/*.json"):
        with open(path, encoding="utf-8") as file:
            found.add(tuple(sorted((k, v) for k, v in json.load(file)["labels"].items())))
    return [dict(labels) for labels in found]


def services_named(running):
    return {labels.get("service_name") for labels in received_labels(running)}


def scale(running, n):
    running.compose("up", "-d", "--no-build", "--no-recreate", "--scale", f"symbolizer={n}",
                    "symbolizer")
    harness.wait_for(lambda: len(running.containers("symbolizer")) == n, 30,
                     f"{n} symbolizers", step_s=0.2)


def kill(running, service):
    """kill -9 of the first process, as the kernel would do; the engine starts it again."""
    pid = running.pids(service)[0]
    os.kill(pid, signal.SIGKILL)
    harness.wait_for(lambda: any(other not in (0, pid) for other in running.pids(service)), 30,
                     f"{service} runs again", step_s=0.2)


def last_books(running):
    line = [line for line in running.logs("collector").splitlines() if "event=stopped" in line][-1]
    return {key: int(value) for key, value in project.log_fields(line).items() if value.isdigit()}


def check_delivered(running, since):
    """Stops in the order that `down` has; all that was taken has arrived, once."""
    running.compose("stop", "collector")
    books = last_books(running)
    check(books["taken"] == books["spooled"], f"the collector left samples behind: {books}")
    running.compose("stop", "symbolizer")
    running.compose("stop", "shipper")
    came = running.received()
    check(not came["refusals"], f"refused: {came['refusals'][:3]}")
    n = came["samples"] - since
    check(n == books["taken"], f"taken {books['taken']}, received {n}: {came}")
    return books["taken"]


def run(running, engine, names):
    begun = time.monotonic()
    running.wait_ready()
    wanted = {"host"} | {f"{name}-{os.getpid()}" for name in names}
    harness.wait_for(lambda: wanted <= services_named(running), PROFILES_SECONDS,
                     f"profiles of {wanted}", step_s=0.5)
    print(f"profiles of {len(wanted)} services {time.monotonic() - begun:.1f} s after `up`")
    print(f"{check_privileges(running)} processes hold what they should")
    check_extra(running, CAP_EXTRA[engine.cgroup_version])
    for n in SCALES:
        before = running.metrics()["triptych_samples_taken_total"]
        scale(running, n)
        harness.wait_for(lambda: running.metrics()["triptych_samples_taken_total"] > before + 200,
                         60, "samples under load", step_s=0.2)
    for service in ("symbolizer", "shipper", "docker-proxy"):
        kill(running, service)
    running.wait_ready()
    print(f"{check_delivered(running, 0)} samples taken, all delivered, over symbolizers "
          f"2 → {' → '.join(map(str, SCALES))} and three kills")
    before = running.received()["samples"]
    running.compose("start")
    running.wait_ready()
    kill(running, "collector")
    harness.wait_for(lambda: running.received()["samples"] > before + 100, 60,
                     "samples after the collector was killed", step_s=0.2)


def main():
    version = int(sys.argv[1])
    extra = CAP_EXTRA[version]
    environment = {"TRIPTYCH_CAP_EXTRA": extra} if extra else {}
    try:
        with engines.Engine(version) as engine, harness.scratch() as directory:
            project.have_images(engine)
            if version == 2:
                licences.check_images(engine)
            names = start_workloads(engine, directory)
            with project.Project(engine, environment=environment) as running:
                try:
                    run(running, engine, names)
                except BaseException:
                    print(re.sub(r"\x1b\[2K", "", running.logs())[-6000:], file=sys.stderr)
                    raise
    except engines.Unavailable as reason:
        print(f"skipped: {reason}")
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
