#!/usr/bin/env python3
"""Each profile of deploy/seccomp/ equals what a traced full run makes, the program's own list, and
what the engine does; every other system call is refused."""

import os
import re
import subprocess
import sys

import calls
import project
from project import engines, harness
from harness import check

# What another kernel, C library or engine may make in place of what was seen here.
SPARE_MAX = 12
HEADER = "#include <sys/syscall.h>\n"


def numbers():
    """{name: number} of this machine's system calls."""
    done = subprocess.run(["gcc", "-E", "-dM", "-"], input=HEADER, capture_output=True, text=True,
                          check=True)
    return {name: int(number) for name, number in
            re.findall(r"^#define __NR_(\w+) (\d+)$", done.stdout, re.MULTILINE)}


def check_groups(service, traced):
    groups = calls.read_profile(service)
    allowed = set().union(*groups.values())
    check(traced <= allowed, f"{service}: traced, not allowed: {sorted(traced - allowed)}")
    wanted = calls.make_groups(service, groups[calls.TRACED])
    check(groups == wanted, f"{service}: run tests/deploy/calls.py --write: "
          f"{ {name: sorted(groups.get(name, set()) ^ wanted[name]) for name in wanted} }")
    spare = groups[calls.TRACED] - traced
    check(len(spare) <= SPARE_MAX, f"{service}: no run makes {sorted(spare)}")
    print(f"{service}: {len(allowed)} system calls allowed, {len(traced)} seen in this run")


def check_refusals(engine, service, program):
    allowed = set().union(*calls.read_profile(service).values())
    refused = {name: number for name, number in numbers().items() if name not in allowed}
    profile = engine.path_inside(calls.profile_path(service))
    engine.docker("run", "--rm", "--network=none", "--cap-drop=ALL", "--security-opt",
                  "no-new-privileges:true", "--security-opt", f"seccomp={profile}", program,
                  *map(str, sorted(refused.values())))
    print(f"{service}: {len(refused)} others are refused")


def main():
    try:
        with engines.Engine(2) as engine, harness.scratch() as directory:
            project.have_images(engine)
            probe = os.path.join(directory, "refused")
            subprocess.run(["gcc", "-static", "-D_GNU_SOURCE", "-o", probe,
                            os.path.join(project.HERE, "refused.c")], check=True)
            engine.program_image(probe, "triptych-test/refused:test")
            for service in calls.SERVICES:
                check_refusals(engine, service, "triptych-test/refused:test")
            traced = calls.trace(engine, calls.exercise)
            for service in calls.SERVICES:
                check_groups(service, traced[service])
    except engines.Unavailable as reason:
        print(f"skipped: {reason}")
        return 77
    return 0


if __name__ == "__main__":
    sys.exit(main())
