"""Kubernetes' own programs and schema, from the Go module of its release.

What is built stays in CACHE for the next run; who comes while another builds waits for it.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
CACHE = os.environ.get("TRIPTYCH_TEST_CACHE", "/var/cache/triptych-tests")
MODULE = "k8s.io/kubernetes"
VERSION = "v1.33.3"
JUDGE, JUDGE_VERSION = "github.com/prometheus/prometheus", "v0.55.1"
BUILD_SECONDS = 1800


class Unavailable(Exception):
    """It cannot be had here; the text says why."""


def go(*arguments, cwd=None):
    """What Go's command prints, with the modules of CACHE's reader and no surroundings of its own."""
    environment = dict(os.environ, GOFLAGS="-mod=mod -p=2", GOWORK="off", GO111MODULE="on",
                       CGO_ENABLED="0")
    try:
        done = subprocess.run(["nice", "-n", "10", "go", *arguments], cwd=cwd, env=environment,
                              capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"go {arguments[0]}: {error}") from error
    if done.returncode != 0:
        raise Unavailable(f"go {' '.join(arguments)}: {done.stderr[-800:]}")
    return done.stdout


def module(version=VERSION):
    """Where a release's sources are: its directory, and its go.mod."""
    if not shutil.which("go"):
        raise Unavailable("go is not installed")
    found = json.loads(go("mod", "download", "-json", f"{MODULE}@{version}", cwd="/"))
    return found["Dir"], found["GoMod"]


def schema(version=VERSION):
    """The API's own description of its objects, as that version publishes it (OpenAPI 2)."""
    directory, _ = module(version)
    with open(os.path.join(directory, "api/openapi-spec/swagger.json"), encoding="utf-8") as file:
        return json.load(file)


def module_file(go_mod):
    """A go.mod that takes the parts which the release keeps beside it by their published versions."""
    with open(go_mod, encoding="utf-8") as file:
        parts = re.findall(r"(?m)^\s*(\S+) => \./staging/", file.read())
    published = "v0" + VERSION.removeprefix("v1")
    lines = ["module apiserver", "go 1.24.0", f"require {MODULE} {VERSION}"]
    if not parts:  # a release that publishes no such list
        raise Unavailable(f"{go_mod} names no parts of {MODULE}")
    return "\n".join(lines + [f"replace {one} => {one} {published}" for one in parts]) + "\n"


def build(directory):
    print(f"building Kubernetes {VERSION}: minutes", flush=True)
    _, go_mod = module()
    sources = os.path.join(directory, "sources")
    shutil.copytree(os.path.join(HERE, "apiserver"), sources)
    with open(os.path.join(sources, "go.mod"), "w", encoding="utf-8") as file:
        file.write(module_file(go_mod))
    flags = ("-trimpath", "-ldflags", f"-s -w -X k8s.io/component-base/version.gitVersion={VERSION}")
    go("build", *flags, "-o", "../kube-apiserver", ".", cwd=sources)
    go("build", *flags, "-o", "../kubectl", f"{MODULE}/cmd/kubectl", cwd=sources)
    shutil.rmtree(sources)


def made_once(name, make):
    """The directory @name of the cache, which make(directory) fills the first time."""
    place = os.path.join(CACHE, name)
    os.makedirs(CACHE, exist_ok=True)
    with open(place + ".lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if os.path.isdir(place):
            return place
        made = tempfile.mkdtemp(prefix=name + ".", dir=CACHE)
        try:
            make(made)
            os.chmod(made, 0o755)
            os.rename(made, place)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    return place


def programs():
    """The directory with kube-apiserver and kubectl; minutes when they are built for the first time."""
    return made_once(f"kubernetes-{VERSION}", build)


def build_judge(directory):
    print(f"building {JUDGE}'s discovery: a minute or two", flush=True)
    sources = os.path.join(directory, "sources")
    shutil.copytree(os.path.join(HERE, "judge"), sources)
    with open(os.path.join(sources, "go.mod"), "w", encoding="utf-8") as file:
        file.write(f"module judge\ngo 1.22.0\nrequire {JUDGE} {JUDGE_VERSION}\n")
    go("build", "-trimpath", "-o", "../judge", ".", cwd=sources)
    shutil.rmtree(sources)


def judge():
    """Prometheus' own discovery of pods, as a program."""
    return os.path.join(made_once(f"kubernetes-judge-{JUDGE_VERSION}", build_judge), "judge")


def unpack_etcd(directory):
    """Debian's package, not installed: as a service of the host nobody asked for it."""
    try:
        for command in (["apt-get", "-qq", "download", "etcd-server"],
                        ["sh", "-c", "dpkg-deb -x etcd-server_*.deb ."]):
            subprocess.run(command, cwd=directory, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Unavailable(f"etcd: {error}: {getattr(error, 'stderr', '')}") from error


def etcd():
    """The program."""
    return shutil.which("etcd") or os.path.join(made_once("etcd", unpack_etcd), "usr/bin/etcd")


if __name__ == "__main__":
    print(programs(), etcd(), judge())
