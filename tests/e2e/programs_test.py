#!/usr/bin/env python3
"""Programs of every kind under the names of their functions, in one run of the profiler: Rust (whose
linker puts code elsewhere in memory than in the file), a static one of musl that is deleted while it
runs, Go stripped as a PIE; and code out of every flawed file that tests/elf/specimens.py makes: its
sample stays, by name where the file has one, else by module."""

import hashlib
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

sys.path.insert(0, os.path.join(harness.TREE, "tests/elf"))
import specimens # noqa: E402

RATE_HZ = 497
MS = 400
MS_OF_SPECIMEN = 20
CODE = bytes.fromhex("48ffcf" "75fb" "c3") # dec %rdi; jne back; ret
LARGE = ("million-zero-size", "million-honest", "mini-debug-of-300-mebibytes", "sections-of-100000")
WITHOUT_CODE = ("frame-header-of-text",) # what is wrong with it stands where code would be


def configure(url):
    text = harness.CONFIGURATION.format(url=url, interval="700ms", sample_rate=RATE_HZ)
    return text.replace("sample_rate ", 'demangle         = "simplified"\n  sample_rate ', 1)


def build_rust(directory):
    """The program, or None without a compiler."""
    if not shutil.which("rustc"):
        return None
    out = os.path.join(directory, "rusty")
    subprocess.run(["rustc", "--edition=2021", "-O", "-Cforce-frame-pointers=yes", "-o", out,
                    os.path.join(workloads.SOURCES, "rusty.rs")], check=True)
    rows = re.findall(r"LOAD +0x(\w+) 0x(\w+) .* R E", subprocess.run(
        ["readelf", "-Wl", out], capture_output=True, text=True, check=True).stdout)
    print("rusty: code at", ", ".join(f"{int(offset, 16):#x} of the file is at {int(vaddr, 16):#x}" for offset, vaddr in rows))
    return out


def build_musl(directory):
    if not shutil.which("musl-gcc"):
        return None
    out = os.path.join(directory, "muslstatic")
    subprocess.run(["musl-gcc", *workloads.C_FLAGS, "-static", "-DBURN_NAME=in_static_musl", "-o", out,
                    os.path.join(workloads.SOURCES, "chain.c")], check=True)
    return out


def make_specimens(directory):
    """{name: (path, the name expected at its code, or None)}."""
    made = {}
    chosen = dict(specimens.SPECIMENS, **{name: specimens.LARGE[name] for name in LARGE})
    os.mkdir(directory)
    for name, (make, (_, _, names)) in chosen.items():
        # Go's tool takes mappings of one build id for one.
        data = bytearray(make().replace(specimens.BUILD_ID, hashlib.sha1(name.encode()).digest()))
        if len(data) < specimens.TEXT_OFFSET + len(CODE) or name in WITHOUT_CODE:
            continue
        data[specimens.TEXT_OFFSET:specimens.TEXT_OFFSET + len(CODE)] = CODE
        path = os.path.join(directory, name)
        with open(path, "wb") as file:
            file.write(data)
        expected = {"million-honest": "00000000", "million-zero-size": "same"}.get(name)
        if isinstance(names, set) and "alpha" in names and at_code(data):
            expected = "alpha"
        made[name] = (path, expected)
    return made


def at_code(data):
    """Whether the file's own segments put the code where alpha is."""
    text = specimens.Elf().segment(specimens.text_segment())
    return bytes(data[64:64 + len(text)]) == text


def check_program(judged, name, wanted, n_min):
    stacks = judged.of_process(name)
    n, names = judged.samples(stacks), {frame for stack in stacks for frame in stack.names()}
    print(f"{name}: {n} samples, {sorted(wanted & names)}")
    check(n >= n_min, f"{name}: only {n} samples")
    check(wanted <= names, f"{name}: {wanted} are not among {sorted(names)}")


def check_specimens(judged, made):
    n_named = 0
    for name, (path, expected) in made.items():
        frames = {frame.name for stack in judged.of_process("mapper") for frame in stack.frames if frame.module == path}
        check(frames, f"{name}: no sample of its code has come")
        if expected:
            check(expected in frames, f"{name}: {sorted(frames)}, not {expected}")
            n_named += 1
    print(f"mapper: code of {len(made)} flawed files has samples, {n_named} of them by name")


def main():
    with harness.scratch() as directory, Receiver(f"{directory}/received") as receiver:
        os.chmod(directory, 0o755)
        rust, musl = build_rust(directory), build_musl(directory)
        go = workloads.build_go(directory, "gopie", ["-buildmode=pie", "-ldflags=-s -w"])
        mapper, made = workloads.build_c(directory, "mapper.c"), make_specimens(f"{directory}/specimens")
        with harness.Triptych(receiver.url, sample_rate=RATE_HZ, configuration=configure(receiver.url)) as triptych:
            if rust:
                triptych.run([rust, str(MS)])
            if musl:
                triptych.run(["sh", "-c", f"{musl} & sleep 0.1; rm {musl}; wait $!"])
            triptych.run([go, str(MS / 1000)])
            triptych.run([mapper, str(MS_OF_SPECIMEN), *(path for path, _ in made.values())])
            triptych.stop_collector()
            harness.check_delivered(triptych, receiver)
        judged = judge.of_receiver(receiver)
        n_min = 20 # two of them count time, not CPU time: on a busy machine they get little
        if rust:
            check_program(judged, "rusty", {"<rusty::mill::Wheel as rusty::mill::Turn>::turn", "rusty::mill::grind"}, n_min)
        if musl:
            check_program(judged, "muslstatic", {"in_static_musl"}, n_min)
        check_program(judged, "gopie", {"main.goBusy", "main.(*mixer).churn"}, n_min)
        check_specimens(judged, made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
