"""Reads Prometheus' text format strictly: what is wrong with a page is an error, not a gap."""

import math
import re

from harness import check

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)')
TYPES = ("counter", "gauge", "histogram")


class Family:
    """One family: its type, and {labels: value} of each of its names."""

    def __init__(self, name, help_text):
        self.name, self.help, self.type = name, help_text, None
        self.samples = {} # (name, ((label, value), …)) -> value

    def sum(self, name=None, **labels):
        """The sum of what has @labels."""
        return sum(value for (found, pairs), value in self.samples.items()
                   if found == (name or self.name) and labels.items() <= dict(pairs).items())

    def label_sets(self):
        return [dict(pairs) for _, pairs in self.samples]


def parse_labels(text):
    pairs, at = [], 0
    while at < len(text):
        found = LABEL.match(text, at)
        check(found, f"labels {text!r}")
        value = re.sub(r"\\(.)", lambda m: {"n": "\n"}.get(m[1], m[1]), found[2])
        pairs.append((found[1], value))
        at = found.end()
    check(len(dict(pairs)) == len(pairs), f"a label twice: {text!r}")
    return tuple(sorted(pairs))


def parse_sample(family, line):
    found = re.fullmatch(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)", line)
    check(found, f"line {line!r}")
    suffixes = ("_bucket", "_sum", "_count") if family.type == "histogram" else ("",)
    check(any(found[1] == family.name + suffix for suffix in suffixes),
          f"{found[1]} among the samples of {family.name}")
    key = (found[1], parse_labels(found[2] or ""))
    check(key not in family.samples, f"twice: {line!r}")
    family.samples[key] = float(found[3])


def check_histogram(family):
    members = {}
    for (name, pairs), value in family.samples.items():
        rest = tuple(pair for pair in pairs if pair[0] != "le")
        member = members.setdefault(rest, {"buckets": []})
        if name.endswith("_bucket"):
            member["buckets"].append((float(dict(pairs)["le"]), value))
        else:
            member[name[len(family.name) + 1:]] = value
    for rest, member in members.items():
        bounds = [bound for bound, _ in member["buckets"]]
        counts = [count for _, count in member["buckets"]]
        check(bounds == sorted(set(bounds)) and bounds[-1] == math.inf,
              f"{family.name}{rest}: bounds {bounds}")
        check(counts == sorted(counts) and counts[-1] == member["count"],
              f"{family.name}{rest}: counts {member}")
        check(member["sum"] >= 0 and (member["count"] > 0 or member["sum"] == 0),
              f"{family.name}{rest}: sum {member}")


def check_family(family):
    check(family.type in TYPES and family.help, f"{family.name} has no type or no help")
    check(family.name.endswith("_total") == (family.type == "counter"),
          f"{family.name} is a {family.type}")
    for value in family.samples.values():
        check(value >= 0, f"{family.name} has {value}")
    if family.type == "histogram":
        check_histogram(family)


def parse(text):
    """{name: Family} of a page."""
    families, current = {}, None
    check(text.endswith("\n"), "the last line has no end")
    for line in text.split("\n")[:-1]:
        if line.startswith("# HELP "):
            name, _, help_text = line[7:].partition(" ")
            check(NAME.fullmatch(name) and name not in families, f"a family twice: {name}")
            current = families[name] = Family(name, help_text)
        elif line.startswith("# TYPE "):
            name, _, kind = line[7:].partition(" ")
            check(current and current.name == name and not current.type and not current.samples,
                  f"out of place: {line}")
            current.type = kind
        else:
            check(current and current.type, f"before any family: {line}")
            parse_sample(current, line)
    for family in families.values():
        check_family(family)
    return families
