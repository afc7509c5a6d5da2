#!/usr/bin/env python3
"""Takes each capability and each mount away, one by one, and sees what its line in the compose file
says it is for. Beside the service that misses something run those only in which it shows."""

import collections
import concurrent.futures
import contextlib
import copy
import json
import os
import re
import sys
import tempfile

import project
from project import engines, harness
from harness import check

WAIT_SECONDS = 30
LANES = 2  # projects at a time


def ends_with(code, *words):
    """The service leaves with @code and says @words."""
    def judge(running, service):
        def has_ended():
            state = running.containers(service, everything=True)[0]
            return state if state["State"]["Status"] == "exited" else None
        state = harness.wait_for(has_ended, WAIT_SECONDS, f"{service} leaves", step_s=0.2)["State"]
        said = running.logs(service)
        check(state["ExitCode"] == code, f"{service} left with {state['ExitCode']}: {said[-600:]}")
        for word in words:
            check(word in said, f"{service} does not say {word!r}: {said[-600:]}")
    return judge


def says(path, *words):
    """A page of the shipper says @words, sooner or later."""
    def judge(running, _):
        def page():
            with contextlib.suppress(OSError):
                return running.page(path)
            return ""
        harness.wait_for(lambda: all(word in page() for word in words), WAIT_SECONDS,
                         f"{path} says {words}", step_s=0.2)
    return judge


def logs(*words):
    """The service goes on without, and says @words."""
    def judge(running, service):
        harness.wait_for(lambda: all(word in running.logs(service) for word in words),
                         WAIT_SECONDS, f"{service} says {words}", step_s=0.2)
    return judge


CAPABILITIES = ("BPF", "PERFMON", "SETUID", "SETGID", "SYS_PTRACE",
                "CHECKPOINT_RESTORE", "DAC_READ_SEARCH")
MOUNTS = (
    ("collector", "/run/triptych", ends_with(73, "run-directory")),
    ("collector", "/tmp", ends_with(73, "health-file")),
    ("symbolizer", "/run/triptych", says("/-/ready", "symbolizer")),
    ("symbolizer", "/var/cache/triptych", ends_with(73, "cache-directory")),
    ("symbolizer", "/tmp", ends_with(73, "health-file")),
    ("shipper", "/run/triptych", ends_with(73)),
    ("shipper", "/var/lib/triptych", ends_with(73, "spool")),
    ("shipper", "/var/run", says("/-/healthy", "discovery.docker.containers")),
    ("shipper", "/etc/triptych/config.alloy", ends_with(65, "configuration-unreadable")),
    ("docker-proxy", "/run/docker-proxy", ends_with(1, "docker.sock")),
    ("docker-proxy", "/var/run/docker.sock", says("/-/healthy", "discovery.docker.containers")),
)


# Who is there besides, where it shows in one that misses nothing.
BESIDE = {("symbolizer", "/run/triptych"): ("collector", "shipper"),
          ("shipper", "/var/run"): ("docker-proxy",),
          ("docker-proxy", "/var/run/docker.sock"): ("shipper",)}


def without_capability(services, name):
    services["collector"]["cap_add"] = [
        cap for cap in services["collector"]["cap_add"] if cap.removeprefix("CAP_") != name]


def target_of(mount):
    return mount.split(":")[0] if isinstance(mount, str) else mount["target"]


def without_mount(services, service, target):
    for kind in ("volumes", "tmpfs"):
        mounts = services[service].get(kind, [])
        services[service][kind] = [mount for mount in mounts if target_of(mount) != target]


def variants():
    """(what, the services that run, the first of them misses something; how, what it then does)"""
    for name in CAPABILITIES:
        yield (f"collector without {name}", ["collector"],
               lambda services, name=name: without_capability(services, name),
               ends_with(77, "capability-missing", name))
    yield ("collector without SYSLOG", ["collector"],
           lambda services: without_capability(services, "SYSLOG"), logs("kallsyms-hidden"))
    for service, target, judge in MOUNTS:
        yield (f"{service} without {target}", [service, *BESIDE.get((service, target), ())],
               lambda services, service=service, target=target:
               without_mount(services, service, target), judge)
    yield ("collector without the host's processes", ["collector"],
           lambda services: services["collector"].pop("pid"), ends_with(69, "pid-namespace"))


def check_complete(whole):
    """What the compose file gives is what is taken away here."""
    added = {cap.removeprefix("CAP_") for cap in whole["services"]["collector"]["cap_add"]}
    check(added == {*CAPABILITIES, "SYSLOG"}, f"capabilities: {added}")
    for name, service in whole["services"].items():
        given = {target_of(mount) for kind in ("volumes", "tmpfs")
                 for mount in service.get(kind, [])}
        taken = {target for one, target, _ in MOUNTS if one == name}
        check(name == "pyroscope" or given == taken, f"{name}: {given} are mounted, {taken} tried")


def whole_file(engine, lane):
    """The compose file with every variable replaced, as the engine's own tool reads it."""
    plain = project.Project(engine, name=f"triptych{os.getpid()}lane{lane}")
    try:
        whole = json.loads(plain.compose("config", "--format", "json"))
    finally:
        plain.directory.cleanup()
    folder = engine.path_inside(os.path.join(project.TREE, "deploy"))
    for service in whole["services"].values():
        service["security_opt"] = [option.replace("=seccomp/", f"={folder}/seccomp/")
                                   for option in service.get("security_opt", [])]
    return whole


def try_variant(engine, whole, variant):
    what, services, remove, judge = variant
    changed = copy.deepcopy(whole)
    remove(changed["services"])
    for one in changed["services"].values():
        one["restart"] = "no"
    changed["services"]["symbolizer"]["deploy"] = {"replicas": 1}
    with tempfile.NamedTemporaryFile("w", suffix=".json", prefix="triptych-compose.") as file:
        json.dump(changed, file)
        file.flush()
        os.chmod(file.name, 0o644)
        with project.Project(engine, files=["-f", file.name], name=whole["name"],
                             ports=(project.published(whole, "shipper"),
                                    project.published(whole, "pyroscope")),
                             services=services) as running:
            judge(running, services[0])
    print(f"{what}: as its line says", flush=True)


def run_lane(engine, whole, waiting):
    """Takes variants until there are no more."""
    with contextlib.suppress(IndexError):
        while True:
            try_variant(engine, whole, waiting.popleft())


def main():
    only = re.compile(sys.argv[1] if len(sys.argv) > 1 else "")
    try:
        with engines.Engine(2) as engine:
            project.have_images(engine)
            files = [whole_file(engine, lane) for lane in range(LANES)]
            check_complete(files[0])
            waiting = collections.deque(one for one in variants() if only.search(one[0]))
            with concurrent.futures.ThreadPoolExecutor(LANES) as lanes:
                ended = [lanes.submit(run_lane, engine, whole, waiting) for whole in files]
                for one in concurrent.futures.as_completed(ended):
                    one.result()
    except engines.Unavailable as reason:
        print(f"skipped: {reason}")
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
