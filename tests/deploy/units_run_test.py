#!/usr/bin/env python3
"""The three services with what their units give them: user, bounding set, umask, network, order.

usage: units_run_test.py BUILD_DIRECTORY

systemd is not process 1 where tests run, so setpriv and unshare do what the units ask it for. What
is not done here: mounts (ProtectSystem and its like) and SystemCallFilter, which systemd_test.py
holds against traced runs.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(os.path.dirname(HERE), "e2e")]

import harness  # noqa: E402
import systemd_test as units  # noqa: E402

SKIPPED = 77
UIDS = {"root": 0, "triptych-symbolizer": 59113, "triptych-shipper": 59114}
GID = 59110
CONFIGURATION = """
pyroscope.write "files" {{
  endpoint {{
    url = "file://{directory}/out"
  }}
}}
pyroscope.ebpf "host" {{
  forward_to       = [pyroscope.write.files.receiver]
  targets          = []
  collect_interval = "1s"
  default_target   = {{"service_name" = "host"}}
}}
"""


def command_of(unit, directory, programs):
    """The unit's ExecStart with the unit's privileges, its paths below @directory."""
    bounding = [f"+{word.removeprefix('CAP_').lower()}"
                for word in " ".join(unit["CapabilityBoundingSet"]).split()]
    words = unit["ExecStart"][0].split()
    program = os.path.join(programs, os.path.basename(words[0]))
    arguments = [word if word.startswith("--") else moved(word, directory) for word in words[1:]]
    if unit["User"] == ["triptych-shipper"]:
        arguments += ["--spool-dir", f"{directory}/lib/spool", "--http",
                      f"127.0.0.1:{harness.free_port()}"]
    return [*(["unshare", "-n"] if "PrivateNetwork" in unit else []),
            "setpriv", "--reuid", str(UIDS[unit["User"][0]]), "--regid", str(GID),
            "--clear-groups", "--no-new-privs", "--inh-caps=-all",
            "--bounding-set=" + ",".join(["-all", *bounding]), program, *arguments]


def moved(path, directory):
    places = {"/run/triptych": "run", "/var/cache/triptych": "cache"}
    if path.startswith("/tmp/"):
        path = f"/tmp/{os.urandom(4).hex()}"  # PrivateTmp: each its own
        return f"{directory}{path}"
    return f"{directory}/{places.get(path, 'config.alloy')}"


def make_directories(directory):
    os.chmod(directory, 0o755)
    for name, mode, owner in (("run", 0o770, 0), ("tmp", 0o1777, 0), ("cache", 0o700, 59113),
                              ("lib", 0o700, 59114), ("out", 0o700, 59114)):
        path = os.path.join(directory, name)
        os.mkdir(path)
        os.chown(path, owner, GID)
        os.chmod(path, mode)
    path = os.path.join(directory, "config.alloy")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CONFIGURATION.format(directory=directory))
    os.chmod(path, 0o644)


def start(unit, directory, programs, log):
    return subprocess.Popen(command_of(unit, directory, programs), stdout=log, stderr=log,
                            umask=int(unit["UMask"][0], 8))


def stop(services):
    """Each in turn, as After= and Before= of the units have it."""
    for name in ("collector", "symbolizer", "shipper"):
        services[name].terminate()
        status = services[name].wait(timeout=30)
        assert status == 0, f"{name} ended with {status}"


def run_services(root, directory, programs, log):
    found = units.unit_directory(root)
    services = {}
    try:
        for name in ("shipper", "symbolizer", "collector"):
            unit = units.settings(os.path.join(found, units.UNITS[name]))
            services[name] = start(unit, directory, programs, log)
        harness.wait_for(lambda: any(name.endswith(".pb.gz")
                                     for name in os.listdir(f"{directory}/out")),
                         20, "a profile is stored", step_s=0.2)
        stop(services)
    finally:
        for one in services.values():
            with contextlib.suppress(ProcessLookupError):
                one.kill()
            one.wait()


def main():
    build = sys.argv[1]
    missing = [tool for tool in ("setpriv", "unshare") if not shutil.which(tool)]
    if not os.path.exists(os.path.join(build, "shipper/triptych-shipper")):
        missing.append("a build of preset release")
    if missing or os.geteuid() != 0:
        print(f"missing: {', '.join(missing) or 'root'}")
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory(prefix="triptych-units-run.") as directory:
        make_directories(directory)
        root = os.path.join(directory, "root")
        units.install(build, root)
        programs = os.path.dirname(next(
            os.path.join(at, "triptych-collector") for at, _, names in os.walk(root)
            if "triptych-collector" in names))
        path = os.path.join(directory, "log")
        with open(path, "w", encoding="utf-8") as log:
            try:
                run_services(root, directory, programs, log)
            except BaseException:
                with open(path, encoding="utf-8") as file:
                    print(file.read())
                raise


if __name__ == "__main__":
    main()
