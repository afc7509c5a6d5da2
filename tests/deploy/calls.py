#!/usr/bin/env python3
"""The system calls that each service makes, and the profiles of deploy/seccomp/ that allow them.

usage: calls.py [--write]

Runs the compose project with each of our programs under strace, without a profile, and compares
what it saw with the profiles; --write makes them anew. A profile has three groups: what a traced
full run makes, what is on the program's own list (common/sandbox/seccomp_rules.c, with the reasons)
though that run did without it, and what the engine itself does between applying the profile and
running the program.
"""

import json
import os
import re
import sys

import project
from project import TREE, engines

SERVICES = ("collector", "symbolizer", "shipper")
PROFILES = os.path.join(TREE, "deploy/seccomp")
TRACER_FILE = f"""FROM {project.BASE_IMAGE} AS tools
RUN apt-get update && apt-get install -y --no-install-recommends strace
COPY gather /gather
RUN /gather /image /usr/bin/strace
FROM {{image}}
COPY --from=tools /image /
USER 0
"""
TRACED = "What a traced full run makes."
LISTED = ("On the program's own list, with the reasons (common/sandbox/seccomp_rules.c), though a "
          "traced run did without them.")
ENGINE = "What the engine does between applying this profile and running the program."
ENGINE_CALLS = ("access", "arch_prctl", "capget", "capset", "chdir", "close", "close_range",
                "execve", "exit", "exit_group", "faccessat2", "fchdir", "fchown", "fcntl", "fstat",
                "fstatfs", "futex", "getdents64", "getppid", "mmap", "mprotect", "newfstatat",
                "openat", "prctl", "pread64", "prlimit64", "read", "readlinkat",
                "rt_sigreturn", "setgid", "setgroups", "setuid", "statx", "write")
ROLES = {"collector": ("COLLECTOR", "OPENER"), "symbolizer": ("SYMBOLIZER",),
         "shipper": ("SHIPPER",)}


def own_list(service):
    """The calls that the filters of @service's roles name."""
    with open(os.path.join(TREE, "common/sandbox/seccomp_rules.c"), encoding="utf-8") as file:
        text = file.read()
    tables = {name: set(re.findall(r"(?:ALLOW(?:_IF)?|SCMP_SYS)\((\w+)", body)) for name, body in
              re.findall(r"struct seccomp_rule (\w+)_rules\[\] = \{(.*?)\n\};", text, re.DOTALL)}
    calls = set()
    for role in ROLES[service]:
        names = re.search(rf"\[SANDBOX_{role}\] = \{{([^}}]*)\}}", text)[1]
        for name in re.findall(r"&(\w+)", names):
            calls |= tables[name]
    return calls


def profile_path(service):
    return os.path.join(PROFILES, f"{service}.json")


def read_profile(service):
    """{comment: set of calls}"""
    with open(profile_path(service), encoding="utf-8") as file:
        profile = json.load(file)
    return {group["comment"]: set(group["names"]) for group in profile["syscalls"]}


def make_groups(service, traced):
    listed = own_list(service) - traced
    return {TRACED: traced, LISTED: listed, ENGINE: set(ENGINE_CALLS) - traced - listed}


def write_profile(service, groups):
    lines = []
    for comment, names in groups.items():
        quoted = [json.dumps(name) for name in sorted(names)]
        rows, row = [], ""
        for name in quoted:
            if len(row) + len(name) > 88:
                rows, row = rows + [row], ""
            row += (", " if row else "") + name
        text = ",\n        ".join(rows + [row])
        lines.append(f'    {{\n      "comment": {json.dumps(comment)},\n      "action": '
                     f'"SCMP_ACT_ALLOW",\n      "names": [\n        {text}\n      ]\n    }}')
    with open(profile_path(service), "w", encoding="utf-8") as file:
        file.write('{\n  "defaultAction": "SCMP_ACT_ERRNO",\n  "defaultErrnoRet": 1,\n'
                   '  "archMap": [\n    {"architecture": "SCMP_ARCH_X86_64"},\n'
                   '    {"architecture": "SCMP_ARCH_AARCH64"}\n  ],\n  "syscalls": [\n' +
                   ",\n".join(lines) + "\n  ]\n}\n")


def build_tracers(engine):
    import shutil
    import tempfile
    for service in SERVICES:
        with tempfile.TemporaryDirectory(prefix="triptych-tracer.") as directory:
            shutil.copy(os.path.join(TREE, "deploy/image/gather"), directory)
            with open(os.path.join(directory, "Dockerfile"), "w", encoding="utf-8") as file:
                file.write(TRACER_FILE.format(image=project.image(service)))
            engine.docker("build", "--network=host", "-q", "-t", tracer(service), directory)


def tracer(service):
    return f"triptych-test/{service}-traced:test"


def traced_project(engine, directory):
    """The project with each program under strace, which follows it through all that it becomes."""
    user = {"collector": "0:59110", "symbolizer": "59113:59110", "shipper": "59114:59110"}
    overrides = {}
    for service in SERVICES:
        os.makedirs(os.path.join(directory, service), exist_ok=True)
        os.chmod(os.path.join(directory, service), 0o777)
        overrides[service] = {
            "image": tracer(service), "user": user[service],
            "entrypoint": ["/strace", "-D", "-f", "-ff", "-qq", "-o", "/trace/calls",
                           f"/triptych-{service}",
                           *([] if service == "shipper" else ["--health-file", "/tmp/health"])],
            "security_opt": ["seccomp=unconfined"], "pids_limit": 256,
            "volumes": [f"{os.path.join(directory, service)}:/trace"]}
    overrides["symbolizer"]["deploy"] = {"replicas": 1}
    return project.Project(engine, {"services": overrides})


def names_traced(directory):
    calls = set()
    for name in os.listdir(directory):
        with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:
            calls |= set(re.findall(r"^(\w+)\(", file.read(), re.MULTILINE))
    return calls


def trace(engine, exercise):
    """{service: calls} of a run in which @exercise does what there is to do."""
    import tempfile
    build_tracers(engine)
    with tempfile.TemporaryDirectory(prefix="triptych-trace.") as directory:
        with traced_project(engine, directory) as running:
            running.wait_ready()
            exercise(running)
            running.compose("stop")
        return {service: names_traced(os.path.join(directory, service)) for service in SERVICES}


def wait_for_samples(running, n_more):
    n = running.received()["samples"] + n_more
    project.harness.wait_for(lambda: running.received()["samples"] > n, 60, f"{n_more} samples more")


def exercise(running):
    """A container that begins and ends, pages, a reload, and enough time for windows."""
    wait_for_samples(running, 100)
    for path in ("/metrics", "/-/healthy", "/"):
        running.get(path)
    running.compose("kill", "-s", "HUP", "shipper")
    wait_for_samples(running, 500)


def main():
    with engines.Engine(2) as engine:
        project.build_images(engine)
        traced = trace(engine, exercise)
    failed = False
    for service in SERVICES:
        if "--write" in sys.argv[1:]:
            write_profile(service, make_groups(service, traced[service]))
            continue
        allowed = set().union(*read_profile(service).values())
        missing = traced[service] - allowed
        if missing:
            print(f"{service}: its profile lacks {', '.join(sorted(missing))}")
        failed = failed or bool(missing)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
