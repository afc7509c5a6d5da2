"""The compose project of deploy/ on a real engine, with a receiving server in Pyroscope's place."""

import contextlib
import glob
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [os.path.join(TREE, "tests", name) for name in ("engine", "e2e")]

import engine as engines  # noqa: E402
import harness  # noqa: E402

BASE_IMAGE = "debian:trixie-slim"
BASE_PACKAGES = ("ca-certificates", "python3")
IMAGES = "triptych-test"
VERSION = "test"
TARGETS = ("collector", "symbolizer", "shipper", "docker-proxy")
RECEIVER_IMAGE = "triptych-test/receiver:test"
RECEIVER_FILE = f"""FROM {BASE_IMAGE}
COPY . /receiver/
ENTRYPOINT ["python3", "/receiver/tests/e2e/receiver.py", "--dir", "/data", "--host", "0.0.0.0"]
"""
READY_SECONDS = 30


def build_images(engine):
    """Builds what the compose file runs, from the checkout, on @engine."""
    with contextlib.suppress(RuntimeError):
        engine.docker("image", "inspect", BASE_IMAGE)
        return build_ours(engine)
    engine.import_root(engines.debian_root(f"base-{engines.RELEASE}", BASE_PACKAGES), BASE_IMAGE)
    return build_ours(engine)


def build_ours(engine):
    for target in TARGETS:
        engine.docker("build", "--network=host", "-q", "-f",
                      engine.path_inside(os.path.join(TREE, "deploy/Dockerfile")), "--target",
                      target, "--build-arg", f"VERSION={VERSION}", "-t", image(target),
                      engine.path_inside(TREE), timeout_s=1500)
    with tempfile.TemporaryDirectory(prefix="triptych-receiver.") as directory:
        for name in ("tests/e2e/receiver.py", "deploy/pprof.py"):
            os.makedirs(os.path.join(directory, os.path.dirname(name)), exist_ok=True)
            shutil.copy(os.path.join(TREE, name), os.path.join(directory, name))
        with open(os.path.join(directory, "Dockerfile"), "w", encoding="utf-8") as file:
            file.write(RECEIVER_FILE)
        engine.docker("build", "-q", "-t", RECEIVER_IMAGE, directory)


def image(target):
    return f"{IMAGES}/{target}:{VERSION}"


def have_images(engine):
    """Loads the images into @engine, built from the sources as they are: once for several tests."""
    path = os.path.join(engines.CACHE, f"images-{digest_of_sources()}.tar")
    if not os.path.exists(path):
        for old in glob.glob(os.path.join(engines.CACHE, "images-*.tar")):
            os.unlink(old)
        build_images(engine)
        engine.save_images([image(target) for target in TARGETS] + [RECEIVER_IMAGE, BASE_IMAGE],
                           path)
        return
    engine.load_images(path)


def digest_of_sources():
    """A hash over all that the images are made of."""
    hashed = hashlib.sha256()
    with open(os.path.join(TREE, ".dockerignore"), encoding="utf-8") as file:
        names = [line[1:].strip() for line in file if line.startswith("!")]
    for name in ["deploy/Dockerfile", "tests/e2e/receiver.py", "deploy/pprof.py", *names]:
        path = os.path.join(TREE, name)
        files = [path] if os.path.isfile(path) else sorted(
            os.path.join(directory, one) for directory, _, found in os.walk(path) for one in found)
        for one in files:
            with open(one, "rb") as file:
                hashed.update(one.removeprefix(TREE).encode() + file.read())
    return hashed.hexdigest()[:16]


def published(whole, service):
    """The port of this host under which @service of a whole compose file answers."""
    return int(whole["services"][service]["ports"][0]["published"])


class Project:
    """The project as a user has it: `up`, and `down` at the end. With @services, those alone."""

    def __init__(self, engine, overrides=None, environment=None, files=None, name=None,
                 ports=None, services=()):
        self.engine = engine
        self.http_port, self.receiver_port = ports or (harness.free_port(), harness.free_port())
        self.environment = {
            "TRIPTYCH_IMAGES": IMAGES, "TRIPTYCH_VERSION": VERSION,
            "PYROSCOPE_IMAGE": RECEIVER_IMAGE, "DOCKER_SOCKET": engine.socket,
            "TRIPTYCH_HTTP_PORT": str(self.http_port), "PYROSCOPE_PORT": str(self.receiver_port),
            "COMPOSE_PROJECT_NAME": name or f"triptych{os.getpid()}", **(environment or {})}
        self.files = files or [
            "-f", engine.path_inside(os.path.join(TREE, "deploy/docker-compose.yml"))]
        self.services = list(services)
        self.directory = tempfile.TemporaryDirectory(prefix="triptych-project.")
        if overrides is not None:
            path = os.path.join(self.directory.name, "override.yml")
            with open(path, "w", encoding="utf-8") as file:
                json.dump(overrides, file)  # JSON is YAML
            self.files += ["-f", path]

    def compose(self, *arguments, **options):
        return self.engine.run("docker-compose", *self.files, *arguments,
                               environment=self.environment, **options)

    def __enter__(self):
        try:
            self.compose("up", "-d", "--no-build", "--quiet-pull",
                         *(["--no-deps"] if self.services else []), *self.services)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.compose("down", "-v", "-t", "5", "--remove-orphans")
        finally:
            self.directory.cleanup()

    def containers(self, service, everything=False):
        """What the engine says of each container of @service, by number."""
        ids = self.compose("ps", "-q", *(["-a"] if everything else []), service).split()
        found = [self.engine.get(f"/containers/{id}/json") for id in ids]
        return sorted(found, key=lambda one: one["Name"])

    def pids(self, service):
        return [one["State"]["Pid"] for one in self.containers(service)]

    def logs(self, service=""):
        return self.compose("logs", "--no-color", "--no-log-prefix", *([service] if service else []))

    def page(self, path):
        """What the shipper says under @path, whatever the status."""
        try:
            return self.get(path)
        except urllib.error.HTTPError as answer:
            return answer.read().decode()

    def get(self, path):
        url = f"http://127.0.0.1:{self.http_port}{path}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read().decode()

    def is_ready(self):
        try:
            self.get("/-/ready")
        except (urllib.error.URLError, OSError):
            return False
        return True

    def wait_ready(self):
        harness.wait_for(self.is_ready, READY_SECONDS, "the project is ready", step_s=0.2)

    def metrics(self):
        values = {}
        for line in self.get("/metrics").splitlines():
            if line and not line.startswith("#"):
                name, _, value = line.rpartition(" ")
                values[name] = float(value)
        return values

    def received(self):
        """What the receiving server says came so far."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.receiver_port}/control",
                                    timeout=10) as answer:
            return json.load(answer)


def status_of(pid):
    """{'CapEff': …} of /proc/PID/status, as this host sees it."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def children_of(pid):
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(path, encoding="utf-8") as file:
            found += [int(word) for word in file.read().split()]
    return found


def log_fields(line):
    """{'uid': '59111', …} of a logfmt line."""
    return dict(re.findall(r'(\w+)=("[^"]*"|\S+)', line))

