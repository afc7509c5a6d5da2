#!/usr/bin/env python3
"""Code that lies in no file has names: the vDSO's functions by themselves, functions that a runtime made by its
perf map, BPF programs by the kernel's list."""

import glob
import os
import re
import shutil
import subprocess
import sys

import harness
import judge
import workloads
from harness import check
from receiver import Receiver

RATE_HZ = 497
CLOCK_MS = 1000
BUSY_MS = 2000
JAVASCRIPT = os.path.join(workloads.SOURCES, "busy.js")
BPF_NAME = re.compile(r"bpf_prog_[0-9a-f]{16}_spin_in_kernel \[bpf\]\Z")
MAPS = "/tmp/perf-*.map"
PYTHON = os.path.join(workloads.SOURCES, "busy.py")


def check_vdso(judged):
    stacks = judged.of_process("clock")
    frames = [f.name for s in stacks for f in s.frames if f.module == "[vdso]"]
    n, n_named = judged.samples(stacks), judged.samples(
        [s for s in stacks if any(f.module == "[vdso]" and f.name.endswith("clock_gettime") for f in s.frames)])
    print(f"clock: {n_named} of {n} samples in the vDSO's functions: {sorted(set(frames))}")
    check(n > 0.2 * CLOCK_MS / 1000 * RATE_HZ, f"only {n} samples of clock")
    check(n_named >= 0.3 * n, f"the vDSO is not named: {[s.names() for s in stacks[:3]]}")
    check("[vdso]" not in frames, "some of the vDSO's code goes by its module alone")


def load_bpf(directory):
    """Loads a program that counts in the kernel; returns the command that runs it, or None."""
    missing = [tool for tool in ("clang", "bpftool") if not shutil.which(tool)]
    if missing:
        print(f"{missing} are not installed: no BPF program is looked for")
        return None
    program, pinned = f"{directory}/spin.bpf.o", f"/sys/fs/bpf/{os.path.basename(directory).replace('.', '_')}"
    subprocess.run(["clang", "-O2", "-target", "bpf", "-c", os.path.join(workloads.SOURCES, "spin.bpf.c"), "-o",
                    program], check=True)
    with open(f"{directory}/packet", "wb") as packet:
        packet.write(bytes(64))
    subprocess.run(["bpftool", "prog", "load", program, pinned], check=True)
    return [f"{directory}/spinner", "prog", "run", "pinned", pinned, "data_in", f"{directory}/packet",
            "repeat", "20000"]


def run_bpf(triptych, command):
    os.symlink(os.path.realpath(shutil.which("bpftool")), command[0])
    try:
        triptych.run(command)
    finally:
        os.unlink(command[4])


def check_bpf(judged):
    stacks = judged.of_process("spinner")
    named = [s for s in stacks if BPF_NAME.match(s.frames[-1].name)]
    n, n_named = judged.samples(stacks), judged.samples(named)
    print(f"spinner: {n_named} of {n} samples under {sorted({s.frames[-1].name for s in named})}")
    check(n_named > 20 and n_named >= 0.3 * n, f"the BPF program is not named: {[s.names() for s in stacks[:3]]}")


def python_with_perf():
    """A CPython that writes a perf map, and whose stacks can be walked down to what is in it, or None."""
    installed = glob.glob(os.path.expanduser("~/.pyenv/versions/3.1[2-9].*/bin/python3"))
    for python in ["python3", *sorted(installed)]:
        done = subprocess.run([python, "-X", "perf", "-c",
                               "import sys, sysconfig\n"
                               "if '-fno-omit-frame-pointer' in sysconfig.get_config_var('CFLAGS'):\n"
                               "    sys.is_stack_trampoline_active() and print(sys.executable)"],
                              capture_output=True, text=True, check=False)
        if done.returncode == 0 and done.stdout.strip():
            return os.path.realpath(done.stdout.strip())
    return None


class Runtime:
    """A program called @comm, whose functions the profile must name once they are compiled."""

    def __init__(self, directory, comm, program, arguments, part):
        self.comm, self.part = comm, part
        self.command = [os.path.join(directory, comm), *arguments]
        os.symlink(program, self.command[0])

    def check(self, judged):
        stacks = judged.of_process(self.comm)
        names = {f.name for s in stacks for f in s.frames if self.part in f.name}
        n = judged.samples(stacks)
        n_named = judged.samples([s for s in stacks if any(self.part in f.name for f in s.frames)])
        print(f"{self.comm}: {n_named} of {n} samples under {sorted(names)[:4]}")
        check(n > 0.2 * BUSY_MS / 1000 * RATE_HZ, f"only {n} samples of {self.comm}")
        check(n_named >= 0.5 * n, f"{self.comm} is not named: {[s.names() for s in stacks[:3]]}")


def find_runtimes(directory):
    runtimes = []
    if node := shutil.which("node"):
        node = os.path.realpath(node)
        runtimes += [Runtime(directory, "mapped", node, ["--perf-basic-prof", JAVASCRIPT, str(BUSY_MS)], "innermost"),
                     Runtime(directory, "unmapped", node, [JAVASCRIPT, str(BUSY_MS)], "_ZN4node")]
    else:
        print("node is not installed: its functions are not looked for")
    if python := python_with_perf():
        runtimes.append(Runtime(directory, "pyperf", python, ["-X", "perf", PYTHON, str(BUSY_MS)], "py::innermost"))
    else:
        print("no CPython from 3.12 on is installed that was built with frame pointers: its functions are not looked for")
    return runtimes


def main():
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        clock = workloads.build_c(directory, "clock.c")
        runtimes = find_runtimes(directory)
        maps = set(glob.glob(MAPS))
        spinner = load_bpf(directory)
        with harness.Triptych(receiver.url, interval="700ms", sample_rate=RATE_HZ) as triptych:
            triptych.run([clock, str(CLOCK_MS)])
            for runtime in runtimes:
                triptych.run(runtime.command)
            if spinner:
                run_bpf(triptych, spinner)
            triptych.stop_collector()
            harness.check_delivered(triptych, receiver)
        for path in set(glob.glob(MAPS)) - maps: # not before: the last window may need them
            os.unlink(path)
        judged = judge.of_receiver(receiver)
        check_vdso(judged)
        if spinner:
            check_bpf(judged)
        for runtime in runtimes:
            runtime.check(judged)
        check(not any("innermost" in name for s in judged.of_process("unmapped") for name in s.names()),
              "a name without a map")
    return 0


if __name__ == "__main__":
    sys.exit(main())
