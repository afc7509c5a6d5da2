"""What `go tool pprof` says of stored profiles: a judge that shares no code with this project."""

import glob
import os
import re
import subprocess
from typing import NamedTuple

LOCATION = re.compile(r"\s*(\d+): 0x([0-9a-f]+) (?:M=(\d+) )?(?:\[F\] )?(?:(.*) \S*:\d+(?::\d+)? s=\d+.*)?$")
INLINED = re.compile(r"\s{13}(.*) \S*:\d+(?::\d+)? s=\d+.*$")
SAMPLE = re.compile(r"\s*([-\d]+(?: +[-\d]+)*): ([\d ]+)$")
MAPPING = re.compile(r"(\d+): 0x[0-9a-f]+/0x[0-9a-f]+/0x[0-9a-f]+ (\S*) ")


class Frame(NamedTuple):
    name: str
    module: str


class Stack(NamedTuple):
    value: int     # of the first sample type
    frames: tuple  # root first: the first is the process's name

    def names(self):
        return [frame.name for frame in self.frames]


def raw(files):
    """The text of `go tool pprof -raw` over all @files, merged."""
    command = ["go", "tool", "pprof", "-symbolize=none", "-raw", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          env=dict(os.environ, GOTOOLCHAIN="local"))
    if done.returncode != 0:
        raise AssertionError(f"go tool pprof refuses: {done.stderr[-2000:]}")
    return done.stdout


class Judged:
    """Merged profiles as the judge reads them."""

    def __init__(self, files):
        self.period = 0
        self.types = ""
        self.stacks = []
        self.mappings = {}
        self._samples, self._locations = [], {}
        if files:
            self._read(raw(sorted(files)))
        self._resolve()

    def _read(self, text):
        section, expect_types, last = "", False, None
        for line in text.splitlines():
            if line.startswith("Period: "):
                self.period = int(line.split()[1])
            elif line in ("Samples:", "Locations", "Mappings"):
                section, expect_types = line, line == "Samples:"
            elif expect_types:
                self.types, expect_types = line.strip(), False
            elif section == "Samples:":
                found = SAMPLE.match(line)
                if found:
                    self._samples.append((int(found[1].split()[0]), found[2].split()))
            elif section == "Locations":
                last = self._read_location(line, last)
            elif section == "Mappings":
                found = MAPPING.match(line)
                if found:
                    self.mappings[found[1]] = found[2]

    def _read_location(self, line, last):
        inlined = INLINED.match(line)
        if inlined and last:
            self._locations[last][1].append(inlined[1])
            return last
        found = LOCATION.match(line)
        if not found:
            raise AssertionError(f"the judge's line is not understood: {line!r}")
        self._locations[found[1]] = (found[3], [found[4]] if found[4] else [])
        return found[1]

    def _resolve(self):
        resolved = {}
        for identity, (mapping, names) in self._locations.items():
            module = self.mappings.get(mapping, "") if mapping else ""
            resolved[identity] = [Frame(name, module) for name in names] or [Frame("", module)]
        for value, identities in self._samples:
            frames = [frame for i in reversed(identities) for frame in reversed(resolved[i])]
            self.stacks.append(Stack(value, tuple(frames)))

    def of_process(self, name):
        """The stacks of all processes called @name."""
        return [stack for stack in self.stacks if stack.frames and stack.frames[0].name == name]

    def samples(self, stacks):
        return sum(stack.value for stack in stacks) // self.period if stacks else 0


def of_directory(directory):
    """What a store's directory holds: the shipper writes each profile there under one name."""
    return Judged(glob.glob(os.path.join(directory, "*.pb.gz")))


def of_receiver(receiver):
    """What a receiver.Receiver got, a profile that came twice counted once."""
    return Judged([os.path.join(receiver.directory, f"{received.number:06}.pb.gz")
                   for received in receiver.distinct()])


def with_function(stacks, name):
    return [stack for stack in stacks if any(frame.name == name for frame in stack.frames)]


def symbols(path):
    """The function names that nm finds in @path."""
    out = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    return {parts[-1] for parts in map(str.split, out.splitlines())
            if len(parts) == 3 and parts[1] in "tTwWiV"}


def kernel_symbols():
    """The kernel's functions, those of modules and BPF programs with whose they are behind them."""
    with open("/proc/kallsyms", encoding="ascii", errors="replace") as file:
        return {" ".join(line.split()[2:]) for line in file}
