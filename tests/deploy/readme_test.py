#!/usr/bin/env python3
"""What READMEs say of deploying: the table of privileges against the files of compose, systemd and
Kubernetes; each command by a test.

usage: readme_test.py
"""

import os
import re
import sys

try:
    import yaml
except ImportError:
    print("missing: python3-yaml")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
SERVICES = ("collector", "symbolizer", "shipper")
IN_TEXT = r"`(?:systemctl|docker|kubectl|apt|dpkg|curl) [^`]*`"  # and not in a block of commands
OF_THE_OPENER = {"SYS_PTRACE", "CHECKPOINT_RESTORE", "DAC_READ_SEARCH"}


def read(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as file:
        return file.read()


def rows(text):
    """{first word of the first cell: cells} of the table of privileges."""
    section = text.split("## What runs with which privilege", 1)[1].split("\n## ", 1)[0]
    cells = [[one.strip() for one in line.strip("|").split("|")]
             for line in section.splitlines() if line.startswith("| ")]
    return {re.sub(r"[`]|triptych-", "", row[0]).split(" (")[0]: row for row in cells[2:]}


def capabilities(text):
    return set(re.findall(r"\b[A-Z][A-Z_]{2,}\b", text))


def check_table(table, compose, users):
    lists = {name: {one for one in service.get("cap_add", []) if not one.startswith("$")}
             for name, service in compose.items()}
    for name in ("symbolizer", "shipper", "docker-proxy"):
        uid = str(compose[name].get("user", users.get(name))).split(":", maxsplit=1)[0]
        assert table[name][1] == uid, f"{name}: uid {uid}"
        assert table[name][2] == "none" and not lists[name], f"{name}: {lists[name]}"
        assert compose[name]["cap_drop"] == ["ALL"]
    for name in ("collector", "symbolizer", "docker-proxy"):
        assert table[name][4].startswith("no") and compose[name]["network_mode"] == "none", name
    assert table["shipper"][4] == "yes" and "network_mode" not in compose["shipper"]
    assert lists["collector"] == capabilities(table["collector"][2]) | OF_THE_OPENER
    assert capabilities(table["its opener helpers"][3]) == OF_THE_OPENER
    with_engine = [name for name, service in compose.items()
                   if any("docker.sock" in volume for volume in service.get("volumes", []))]
    assert with_engine == ["docker-proxy"], with_engine


def check_compose(table, compose):
    """What holds for all; and of the host nobody has more than the table says."""
    for name in SERVICES + ("docker-proxy",):
        service = compose[name]
        assert service["read_only"] and "no-new-privileges:true" in service["security_opt"], name
        assert not service.get("privileged") and not service.get("devices"), name
        of_host = [one for one in service.get("volumes", []) if one[0] in "./$~"]
        assert len(of_host) == (name in ("shipper", "docker-proxy")), f"{name} mounts {of_host}"
    assert compose["collector"]["pid"] == "host" and table["collector"][1] == "59111"


def unit_settings(service):
    text = read(f"deploy/systemd/triptych-{service}{'@' if service == 'symbolizer' else ''}.service.in")
    found = {}
    for key, value in re.findall(r"(?m)^(\w+)=(.*)$", text):
        found[key] = f"{found.get(key, '')} {value}".strip()
    return found


def check_units(table):
    users = dict(re.findall(r"(?m)^u!?\s+triptych-(\w+)\s+(\d+)",
                            read("deploy/systemd/triptych.sysusers.conf")))
    for name in ("collector", "opener", "symbolizer", "shipper"):
        row = table["its opener helpers" if name == "opener" else name]
        assert users[name] == row[1], f"{name}: {users}"
    for name in SERVICES:
        unit, row = unit_settings(name), table[name]
        held = {one.removeprefix("CAP_") for one in unit["CapabilityBoundingSet"].split()}
        expected = capabilities(row[2]) | OF_THE_OPENER if name == "collector" else set()
        assert held == expected, f"{name}.service: {held}"
        assert unit["User"] == ("root" if name == "collector" else f"triptych-{name}")
        assert unit["Group"] == "triptych" and unit["NoNewPrivileges"] == "yes"
        assert unit["ProtectSystem"] == "strict", name
        assert (unit.get("PrivateNetwork") == "yes") == row[4].startswith("no"), name
        is_unix_alone = unit["RestrictAddressFamilies"] == "AF_UNIX"
        assert is_unix_alone == row[4].startswith("no"), name


def check_pod(table):
    pod = yaml.safe_load(read("deploy/kubernetes/base/daemonset.yaml"))["spec"]["template"]["spec"]
    assert not pod.get("hostNetwork") and not any("hostPath" in one for one in pod["volumes"])
    containers = pod["initContainers"] + pod["containers"]
    names = {re.sub(r"-\d+$", "", one["name"]) for one in containers}
    assert names == set(SERVICES), names
    for one in containers:
        name, context = re.sub(r"-\d+$", "", one["name"]), one["securityContext"]
        is_collector = name == "collector"
        added = set(context["capabilities"].get("add", []))
        assert added == (capabilities(table[name][2]) | OF_THE_OPENER if is_collector else set())
        assert context["runAsUser"] == (0 if is_collector else int(table[name][1])), name
        assert context["allowPrivilegeEscalation"] is False, name
        assert context["readOnlyRootFilesystem"] and context["capabilities"]["drop"] == ["ALL"]


def commands(text):
    """The lines of the sh blocks."""
    return [line for block in re.findall(r"(?ms)^```sh\n(.*?)^```", text)
            for line in block.splitlines() if line.strip()]


def check_commands(lines):
    tests = read("tests/deploy/CMakeLists.txt") + read("tests/e2e/CMakeLists.txt")
    assert lines
    for line in lines:
        command, _, remark = line.partition("# ")
        said = re.match(r"(?:run by|as) ([\w/]+)|not run: (.{10,})", remark)
        assert said, f"neither run by a test nor said why not: {line}"
        if said[1] and "/" in said[1]:
            assert os.access(os.path.join(TREE, said[1]), os.X_OK), line
        elif said[1]:
            assert re.search(rf"\b{said[1]}\b", tests), f"no such test: {line}"
        for path in re.findall(r"\bdeploy/[\w./-]+\w", command):
            assert os.path.exists(os.path.join(TREE, path)), f"no such file: {path}"


def check_version(lines):
    version = re.search(r"VERSION (\d[\d.]*\d) LANGUAGES", read("CMakeLists.txt"))[1]
    for line in lines:
        for named in re.findall(r"triptych_([\d.]+)_", line):
            assert named == version, line
    for path in ("deploy/docker-compose.yml", "deploy/kubernetes/base/daemonset.yaml"):
        named = re.findall(r"image: .*triptych.*?(\d+\.\d+\.\d+)", read(path))
        assert named and set(named) == {version}, f"{path}: {named}, the version is {version}"


def main():
    compose = yaml.safe_load(read("deploy/docker-compose.yml"))["services"]
    stages = re.split(r"(?m)^FROM scratch AS ", read("deploy/Dockerfile"))[1:]
    users = {stage.split()[0]: user[1] for stage in stages
             if (user := re.search(r"(?m)^USER (\S+)", stage))}
    table = rows(read("README.md"))
    check_table(table, compose, users)
    check_compose(table, compose)
    check_units(table)
    check_pod(table)
    lines = commands(read("deploy/README.md"))
    check_commands(lines)
    hidden = re.findall(IN_TEXT, re.sub(r"(?ms)^```sh\n.*?^```", "", read("deploy/README.md")))
    assert not hidden, f"commands of which nothing is said: {hidden}"
    check_version(lines)


if __name__ == "__main__":
    main()
