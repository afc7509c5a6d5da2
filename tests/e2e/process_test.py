#!/usr/bin/env python3
"""Processes of the host as targets: the official example for a host without containers, and
processes that do their worst: names and command lines of any bytes, a program and a directory on a
file system that stopped answering.

usage: process_test.py HANGFS
"""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import harness
import workloads
from harness import check
from hung_file_test import mount, start_tenant
from receiver import Receiver

EXAMPLE = os.path.join(harness.TREE, "tests/check/examples/local.alloy")
ADDRESS = "127.0.77.5"  # of the example's pyroscope:4040
IN_NAMESPACE = 'printf "%s pyroscope\\n" "$1" >"$2" && mount --bind "$2" /etc/hosts && shift 2 && exec "$@"'
STOP = ("--stop-seconds", "2")
DRAINS = "triptych_drains_total"

LABELS = """
discovery.process "all" {{
  refresh_interval = "500ms"
  discover_config {{
    username    = true
    uid         = true
    cgroup_path = true
  }}
}}
discovery.relabel "some" {{
  targets = discovery.process.all.targets
  rule {{
    action        = "keep"
    source_labels = ["__meta_process_exe"]
    regex         = "{directory}/.*/(hostile.*|program|late)"
  }}
  rule {{
    action      = "labelmap"
    regex       = "__meta_process_(exe|cwd|username|uid|cgroup_path)"
    replacement = "process_$1"
  }}
  rule {{
    source_labels = ["__process_pid__"]
    target_label  = "process_pid"
  }}
  rule {{
    source_labels = ["__meta_process_commandline"]
    regex         = "(.{{0,60}}).*"
    target_label  = "process_command"
  }}
  rule {{
    source_labels = ["__meta_process_exe"]
    regex         = ".*/(hostile|program|late).*"
    target_label  = "service_name"
  }}
}}
pyroscope.ebpf "some" {{
  forward_to       = [pyroscope.write.test.receiver]
  targets          = discovery.relabel.some.output
  collect_interval = "500ms"
}}
pyroscope.write "test" {{
  endpoint {{ url = "{url}" }}
}}
"""


class ExampleTriptych(harness.Triptych):
    """The three services; the shipper finds the example's server under its name."""

    def command(self, name):
        command = super().command(name)
        if name != "shipper":
            return command
        return ["unshare", "-m", "sh", "-c", IN_NAMESPACE, "sh", ADDRESS, self.path("hosts"), *command]


def services_of(receiver):
    """{service: labels of its latest profile}"""
    with receiver.lock:
        return {one.labels["service_name"]: one.labels for one in receiver.received}


def wait_for_service(receiver, service, timeout_s):
    return harness.wait_for(lambda: services_of(receiver).get(service), timeout_s,
                            f"a profile of {service}")


def end(process):
    os.killpg(process.pid, signal.SIGKILL)
    harness.reap(process, 5)


def check_example(directory, split):
    with open(EXAMPLE, encoding="utf-8") as file:
        text = file.read()
    os.mkdir(f"{directory}/bin")
    shutil.copy(split, f"{directory}/bin/alloy")
    with Receiver(f"{directory}/example", 4040, ADDRESS) as receiver:
        process = harness.spawn([f"{directory}/bin/alloy", "600"], stdout=subprocess.DEVNULL)
        other = harness.spawn([split, "600"], stdout=subprocess.DEVNULL)
        try:
            with ExampleTriptych(None, configuration=text, n_symbolizers=1, collector_options=STOP) as triptych:
                # The example collects every 15 s; stopping flushes what there is.
                harness.wait_for(lambda: "targets=2 " in triptych.log("collector"), 10, "two targets")
                time.sleep(1)
        finally:
            end(process)
            end(other)
        services = services_of(receiver)
        check(set(services) <= {"ebpf/local/alloy", "ebpf/local/init"}, f"profiles of {set(services)}")
        labels = services.get("ebpf/local/alloy", {})
        labels = {name: value for name, value in labels.items() if name != "__name__"}
        check(labels == {"service_name": "ebpf/local/alloy"}, f"labels {labels}")


def start_hostile(directory, split):
    """Its executable, comm and arguments are of any bytes, and of 2 MB."""
    place = os.fsencode(f"{directory}/a\nb")
    os.mkdir(place)
    program = os.path.join(place, b"hostile\n\xff\xe2\x82")
    shutil.copy(split, program)
    arguments = [b"\xfe)\n", b"600", b"", b"new\nline", b"\xff\xed\xa0\x80"] + [b"x" * 100_000] * 21

    def allow_long_arguments():
        resource.setrlimit(resource.RLIMIT_STACK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    return harness.spawn(arguments, executable=program, cwd=place, stdout=subprocess.DEVNULL,
                         preexec_fn=allow_long_arguments)


def check_hostile(labels, directory, pid):
    with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
        cgroup = file.read().rstrip("\n").replace("\n", "|")
    command = "\ufffd)\n 600 new\nline \ufffd\ufffd\ufffd\ufffd "
    expected = {
        "process_exe": f"{directory}/a\nb/hostile\n\ufffd\ufffd\ufffd",
        "process_cwd": f"{directory}/a\nb",
        "process_command": command + "x" * (60 - len(command)),
        "process_username": "root",
        "process_uid": "0",
        "process_cgroup_path": cgroup,
        "process_pid": str(pid),
        "service_name": "hostile",
    }
    for name, value in expected.items():
        check(labels.get(name) == value, f"{name} is {labels.get(name)!r}, not {value!r}")


def check_program(receiver, volume):
    """What waits for its file system stays a target, with all its labels."""
    def labels_of_all():
        with receiver.lock:
            return [one.labels for one in receiver.received if one.labels["service_name"] == "program"]

    n_before = len(labels_of_all())
    harness.wait_for(lambda: len(labels_of_all()) > n_before, 10, "one more profile of the program")
    for labels in labels_of_all():
        check(labels.get("process_exe") == f"{volume}/program", f"labels {labels}")
        check(labels.get("process_cwd") == volume, f"labels {labels}")
        check(labels.get("process_command") == f"{volume}/program", f"labels {labels}")


def check_hostiles(directory, split, hangfs):
    volume = f"{directory}/volume"
    server = mount(hangfs, volume, workloads.build_c(directory, "tenant.c"))
    processes = []
    try:
        with Receiver(f"{directory}/received") as receiver:
            text = LABELS.format(url=receiver.url, directory=directory)
            with harness.Triptych(None, configuration=text, n_symbolizers=1, collector_options=STOP) as triptych:
                processes.append(start_hostile(directory, split))
                labels = wait_for_service(receiver, "hostile", 20)
                check_hostile(labels, directory, processes[0].pid)
                os.chdir(volume)
                processes.append(start_tenant(server, f"{volume}/program"))
                os.chdir("/")
                wait_for_service(receiver, "program", 20)
                before, began_s = triptych.metrics()[DRAINS], time.monotonic()
                os.mkdir(f"{directory}/new")
                shutil.copy(split, f"{directory}/new/late")
                processes.append(harness.spawn([f"{directory}/new/late", "600"],
                                               stdout=subprocess.DEVNULL))
                labels = wait_for_service(receiver, "late", 20)
                check(labels.get("process_pid") == str(processes[-1].pid), f"labels {labels}")
                took_s = time.monotonic() - began_s
                time.sleep(2)
                drains = triptych.metrics()[DRAINS] - before
                print(f"a new process has its profile after {took_s:.1f} s; {drains:.0f} drains meanwhile")
                check(drains >= 3, "drains were delayed")
                check_program(receiver, volume)
                for process in processes:
                    end(process)
                processes.clear()
                server.kill()
    finally:
        server.kill()
        for process in processes:
            end(process)
        subprocess.run(["umount", "-l", volume], capture_output=True, check=False)


def main():
    with harness.scratch() as directory:
        split = workloads.build_c(directory, "split.c")
        check_example(directory, split)
        check_hostiles(directory, split, sys.argv[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
