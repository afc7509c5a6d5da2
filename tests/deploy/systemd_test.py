#!/usr/bin/env python3
"""The units as installed: clean for systemd-analyze, with the compose file's limits and list.

usage: systemd_test.py BUILD_DIRECTORY

BUILD_DIRECTORY is one of ours, built: it is installed below a directory of the test's own.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

try:
    import yaml
except ImportError:
    print("missing: python3-yaml")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
UNITS = {"collector": "triptych-collector.service", "shipper": "triptych-shipper.service",
         "symbolizer": "triptych-symbolizer@.service"}
EXPOSURE_MAX = {"collector": 3.1, "shipper": 1.9, "symbolizer": 1.1}
# What an engine asks for before the program runs, and systemd does outside the filter.
ENGINE_COMMENT = "What the engine does between applying this profile and running the program."
SKIPPED = 77


def run(*command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)


def settings(path):
    """{key: [values]} of a unit."""
    found = {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            key, is_setting, value = line.strip().partition("=")
            if is_setting and not line.startswith("#"):
                found.setdefault(key, []).append(value)
    return found


def install(build, root):
    done = run("cmake", "--install", build, env=dict(os.environ, DESTDIR=root))
    assert done.returncode == 0, done.stdout


def unit_directory(root):
    for directory, _, names in os.walk(root):
        if "triptych.target" in names:
            return directory
    raise AssertionError("no unit is installed")


def check_verify(units, root):
    """Of our units alone: whether the host has network-online.target is no fault of theirs."""
    with tempfile.TemporaryDirectory(prefix="triptych-units.") as copy:
        for name in os.listdir(units):
            with open(os.path.join(units, name), encoding="utf-8") as file:
                text = file.read()
            text = re.sub(r"(?m)^(ExecStart=)(/)", rf"\g<1>{root}\2", text)
            with open(os.path.join(copy, name.replace("@.", "@1.")), "w", encoding="utf-8") as file:
                file.write(text)
        for name in sorted(os.listdir(copy)):
            done = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no",
                       os.path.join(copy, name))
            assert done.returncode == 0 and not done.stdout.strip(), f"{name}: {done.stdout}"
    print("verify: clean")


def check_exposure(units, service):
    done = run("systemd-analyze", "security", "--offline=yes",
               os.path.join(units, UNITS[service]))
    score = re.search(r"Overall exposure level for .*: ([\d.]+) (\w+)", done.stdout)
    assert score, done.stdout
    print(f"security: {service} {score[1]} {score[2]}")
    assert float(score[1]) <= EXPOSURE_MAX[service], done.stdout


def calls_of(words):
    """The names of system calls in @words, sets of systemd expanded."""
    names = set()
    for word in words:
        if not word.startswith("@"):
            names.add(word)
            continue
        listed = run("systemd-analyze", "syscall-filter", word).stdout.splitlines()
        names |= calls_of(line.strip() for line in listed[1:]
                          if line.strip() and not line.strip().startswith("#"))
    return names


def check_calls(unit, service):
    """Nothing that the traced run of the seccomp profile made is refused."""
    allowed = calls_of(" ".join(unit["SystemCallFilter"]).split())
    with open(os.path.join(TREE, f"deploy/seccomp/{service}.json"), encoding="utf-8") as file:
        rules = json.load(file)["syscalls"]
    needed = {name for rule in rules if rule.get("comment") != ENGINE_COMMENT
              for name in rule["names"]}
    assert not needed - allowed, f"{service}: the filter refuses {sorted(needed - allowed)}"


def check_against_compose(unit, service, compose):
    """Capabilities and limits, so that the two cannot drift."""
    capabilities = {word.removeprefix("CAP_")
                    for word in " ".join(unit["CapabilityBoundingSet"]).split()}
    expected = {name for name in compose.get("cap_add", []) if not name.startswith("$")}
    assert capabilities == expected, f"{service}: {capabilities} against {expected}"
    assert unit["MemoryMax"][0].lower() == compose["mem_limit"]
    assert int(unit["TasksMax"][0]) == compose["pids_limit"]
    assert unit["TimeoutStopSec"][0] == compose["stop_grace_period"]
    assert unit["NoNewPrivileges"] == ["yes"]
    is_alone = compose.get("network_mode") == "none"
    assert (unit.get("PrivateNetwork") == ["yes"]) == is_alone


def check_order(units):
    after = {service: " ".join(settings(os.path.join(units, name)).get("After", [""]))
             for service, name in UNITS.items()}
    before = settings(os.path.join(units, UNITS["symbolizer"]))["Before"]
    assert "triptych-shipper.service" in after["collector"]
    assert "triptych-shipper.service" in after["symbolizer"]
    assert before == ["triptych-collector.service"]


def check_users(root):
    """sysusers and tmpfiles do in an empty root what the programs' identities say."""
    identities = {}
    with open(os.path.join(TREE, "common/base/identity.h"), encoding="utf-8") as file:
        for name, number in re.findall(r"IDENTITY_(\w+)_[UG]ID\s+(\d+)", file.read()):
            identities[name.lower()] = int(number)
    done = run("systemd-sysusers", f"--root={root}")
    assert done.returncode == 0, done.stdout
    with open(os.path.join(root, "etc/passwd"), encoding="utf-8") as file:
        users = {line.split(":")[0]: line.split(":")[2:4] for line in file}
    for name in ("collector", "opener", "symbolizer", "shipper"):
        assert users[f"triptych-{name}"] == [str(identities[name]), str(identities["group"])], users
    done = run("systemd-tmpfiles", f"--root={root}", "--create", "triptych.conf")
    assert done.returncode == 0, done.stdout
    made = os.stat(os.path.join(root, "run/triptych"))
    assert (made.st_mode & 0o7777, made.st_uid, made.st_gid) == (0o770, 0, identities["group"])


def main():
    build = sys.argv[1]
    missing = [tool for tool in ("systemd-analyze", "systemd-sysusers", "systemd-tmpfiles")
               if not shutil.which(tool)]
    if missing or os.geteuid() != 0:
        print(f"missing: {', '.join(missing) or 'root'}")
        sys.exit(SKIPPED)
    with open(os.path.join(TREE, "deploy/docker-compose.yml"), encoding="utf-8") as file:
        compose = yaml.safe_load(file)["services"]
    with tempfile.TemporaryDirectory(prefix="triptych-install.") as root:
        install(build, root)
        units = unit_directory(root)
        check_verify(units, root)
        check_order(units)
        for service, name in UNITS.items():
            unit = settings(os.path.join(units, name))
            check_against_compose(unit, service, compose[service])
            check_calls(unit, service)
            check_exposure(units, service)
        with tempfile.TemporaryDirectory(prefix="triptych-root.") as empty:
            for kind in ("sysusers.d", "tmpfiles.d"):
                shutil.copytree(os.path.join(os.path.dirname(os.path.dirname(units)), kind),
                                os.path.join(empty, "usr/lib", kind))
            os.mkdir(os.path.join(empty, "etc"))
            check_users(empty)


if __name__ == "__main__":
    main()
