"""A real Docker Engine for tests, on the cgroup version that a test asks for.

    with Engine(cgroup_version=2) as engine:
        engine.build(directory, "triptych-test/spin:1")
        container = engine.start_container("spin", "triptych-test/spin:1")
        engine.get("/containers/json")

The engine comes from Debian 13's packages, in a root of its own below CACHE, which stays for the
next run: Debian 12's engine is too old to know CAP_BPF. It runs in a mount namespace, with its own
socket, data and bridge, so that one of each cgroup version runs beside the other and beside what
the host has. This host's own engine is used where it is new enough and has that cgroup version.
"""

import contextlib
import glob
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
CACHE = os.environ.get("TRIPTYCH_TEST_CACHE", "/var/cache/triptych-tests")
RELEASE = "trixie"
PACKAGES = ("docker.io", "docker-cli", "docker-compose", "iptables", "ca-certificates")
HOST_SOCKET = "/var/run/docker.sock"
HOST_VERSION_MIN = 23
START_SECONDS = 60
TREE_INSIDE = "/mnt/tree"  # the checkout, as programs in the engine's root see it

# Runs with the root and the cgroup version as arguments, then what it shall run in there.
NAMESPACE = r"""
set -e
root=$1 version=$2 tree=$3
shift 3
mount --make-rprivate /
mount --bind "$root" "$root"
for directory in proc sys dev run tmp; do
    mount --rbind "/$directory" "$root/$directory"
done
mkdir -p "$root/mnt/tree"
mount --bind "$tree" "$root/mnt/tree"
if [ "$version" = 2 ]; then
    mount -t cgroup2 none "$root/sys/fs/cgroup"
fi
cd "$root"
mkdir -p mnt/old
pivot_root . mnt/old # a mere chroot would be left by who enters a container's mount namespace
umount -l mnt/old
exec "$@"
"""

# Stops the engine, and with it its containers, when the test that started it is gone.
GUARD = r"""
import os, shutil, signal, subprocess, sys, time
os.setsid()
pid, bridge, *directories = sys.argv[1:]
if sys.stdin.read() != "stopped":
    os.kill(int(pid), signal.SIGTERM)
    for _ in range(300):
        if not os.path.exists("/proc/" + pid):
            break
        time.sleep(0.1)
    subprocess.run(["ip", "link", "del", bridge], check=False)
    for directory in directories:
        shutil.rmtree(directory, ignore_errors=True)
"""


class Unavailable(Exception):
    """No engine can be had here; the text says why."""


def mirror():
    """The first source of packages that this machine uses, and no name of our own."""
    paths = ["/etc/apt/sources.list", *glob.glob("/etc/apt/sources.list.d/*")]
    for path in paths:
        with contextlib.suppress(OSError), open(path, encoding="utf-8") as file:
            found = re.search(r"^(?:URIs:|deb(?: \[[^]]*\])?)\s+(https?://\S*/debian/?)(?:\s|$)",
                              file.read(), re.MULTILINE)
            if found:
                return found.group(1)
    raise Unavailable("no source of Debian packages is known here")


def debian_root(name, packages, release=RELEASE):
    """A directory with a minimal Debian and @packages, made once and kept in the cache."""
    root = os.path.join(CACHE, name)
    if os.path.exists(os.path.join(root, ".complete")):
        return root
    if os.geteuid() != 0:
        raise Unavailable("only root can make a root directory of Debian")
    if not shutil.which("debootstrap"):
        raise Unavailable("debootstrap is not installed")
    os.makedirs(CACHE, exist_ok=True)
    made = tempfile.mkdtemp(prefix=name + ".", dir=CACHE)
    os.chmod(made, 0o755)
    done = subprocess.run(
        ["debootstrap", "--variant=minbase", "--include=" + ",".join(packages), release, made,
         mirror()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        shutil.rmtree(made, ignore_errors=True)
        raise Unavailable(f"debootstrap failed: {done.stdout[-500:]}")
    with open(os.path.join(made, ".complete"), "w", encoding="utf-8"):
        pass
    try:
        os.rename(made, root)
    except OSError:  # somebody else was faster
        shutil.rmtree(made, ignore_errors=True)
    return root


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=60):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def ask(path, target, method="GET"):
    """One request to the API on the socket at @path; returns what the JSON says."""
    connection = UnixConnection(path)
    try:
        connection.request(method, target)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {target}: {answer.status} {text[:300]!r}")
        return json.loads(text) if text else None
    finally:
        connection.close()


def host_engine(cgroup_version):
    """The socket of this host's own engine, when it is what a test wants."""
    try:
        version = ask(HOST_SOCKET, "/version")["Version"]
        info = ask(HOST_SOCKET, "/info")
    except (OSError, RuntimeError, KeyError, ValueError):
        return None
    if int(version.split(".")[0]) < HOST_VERSION_MIN:
        return None
    return HOST_SOCKET if info.get("CgroupVersion") == str(cgroup_version) else None


class Engine:
    """An engine that answers on self.socket (a path on the host); self.is_ours: it was started."""

    def __init__(self, cgroup_version, tree=TREE):
        self.cgroup_version = cgroup_version
        self.tree = tree
        self.process = None
        self.guard = None
        self.socket = host_engine(cgroup_version)
        self.is_ours = self.socket is None
        self.bridge = f"tript{cgroup_version}br{os.getpid() % 1000}"
        self.directory = None
        self.root = None

    def __enter__(self):
        if self.is_ours:
            try:
                self.start()
            except BaseException:
                self.stop()
                raise
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self):
        self.root = debian_root(f"engine-{RELEASE}", PACKAGES)
        self.directory = tempfile.mkdtemp(prefix="triptych-engine.", dir="/run")
        self.socket = os.path.join(self.directory, "docker.sock")
        net = 200 + self.cgroup_version
        subprocess.run(["ip", "link", "add", self.bridge, "type", "bridge"], check=True)
        subprocess.run(["ip", "addr", "add", f"10.{net}.0.1/24", "dev", self.bridge], check=True)
        subprocess.run(["ip", "link", "set", self.bridge, "up"], check=True)
        os.makedirs(self.data_root())
        command = ["dockerd", "--host", f"unix://{self.socket}", "--bridge", self.bridge,
                   "--default-address-pool", f"base=10.{net}.64.0/18,size=24",
                   "--data-root", f"/var/lib/{os.path.basename(self.directory)}",
                   "--exec-root", f"{self.directory}/exec", "--pidfile",
                   f"{self.directory}/pid", "--log-level", "warn"]
        log = open(os.path.join(self.directory, "log"), "wb")
        with log:
            self.process = subprocess.Popen(
                ["unshare", "-m", "sh", "-c", NAMESPACE, "sh", self.root,
                 str(self.cgroup_version), self.tree, *command],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.guard = subprocess.Popen(
            [sys.executable, "-c", GUARD, str(self.process.pid), self.bridge, self.directory,
             self.data_root()], stdin=subprocess.PIPE, text=True)
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise Unavailable(f"the engine does not start: {self.log()[-800:]}")
            time.sleep(0.1)

    def data_root(self):
        return os.path.join(self.root, "var/lib", os.path.basename(self.directory))

    def answers(self):
        try:
            return ask(self.socket, "/version") is not None
        except (OSError, RuntimeError, ValueError, http.client.HTTPException):
            return False

    def log(self):
        with open(os.path.join(self.directory, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def get(self, target):
        return ask(self.socket, target)

    def inside(self, *command):
        """@command as it is run among the engine's files, where docker and compose are."""
        if not self.is_ours:
            return list(command)
        return ["nsenter", "-t", str(self.process.pid), "-m", "-r", "--", *command]

    def path_inside(self, path):
        """How a file of the checkout is called in there."""
        return os.path.join(TREE_INSIDE, os.path.relpath(path, self.tree)) if self.is_ours else path

    def run(self, *command, environment=None, timeout_s=600):
        done = subprocess.run(
            self.inside("env", f"DOCKER_HOST=unix://{self.socket}", "DOCKER_BUILDKIT=0",
                        *(f"{k}={v}" for k, v in (environment or {}).items()), *command),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout_s,
            check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: exit {done.returncode}\n"
                               f"{done.stdout[-2000:]}{done.stderr[-3000:]}")
        return done.stdout

    def docker(self, *arguments, **options):
        return self.run("docker", *arguments, **options)

    def start_container(self, name, image, *arguments, options=()):
        """In the background; returns its id. runc sometimes loses its first process: then once more."""
        command = ("run", "-d", "--name", name, *options, image, *arguments)
        try:
            return self.docker(*command).strip()
        except RuntimeError as error:
            if "OCI runtime create failed" not in str(error):
                raise
            print(f"once more, for: {error}")
        self.docker("rm", "--force", name)
        return self.docker(*command).strip()

    def import_root(self, root, name):
        """Makes the image @name of the directory @root."""
        with subprocess.Popen(["tar", "-C", root, "--one-file-system", "-c", "."],
                              stdout=subprocess.PIPE) as tar:
            subprocess.run(self.inside("env", f"DOCKER_HOST=unix://{self.socket}", "docker",
                                       "import", "-", name),
                           stdin=tar.stdout, stdout=subprocess.DEVNULL, check=True)

    def program_image(self, path, name):
        """Makes the image @name of one static program, which is what it runs."""
        with tempfile.TemporaryDirectory(prefix="triptych-image.") as directory:
            shutil.copy(path, os.path.join(directory, "program"))
            os.chmod(os.path.join(directory, "program"), 0o755)
            with subprocess.Popen(["tar", "-C", directory, "-c", "."],
                                  stdout=subprocess.PIPE) as tar:
                subprocess.run(self.inside("env", f"DOCKER_HOST=unix://{self.socket}", "docker",
                                           "import", "--change", 'ENTRYPOINT ["/program"]', "-",
                                           name),
                               stdin=tar.stdout, stdout=subprocess.DEVNULL, check=True)

    def save_images(self, names, path):
        """Writes the images to the file @path of this host, all or nothing."""
        with open(path + ".new", "wb") as file:
            subprocess.run(self.inside("env", f"DOCKER_HOST=unix://{self.socket}", "docker",
                                       "save", *names), stdout=file, check=True)
        os.rename(path + ".new", path)

    def load_images(self, path):
        with open(path, "rb") as file:
            subprocess.run(self.inside("env", f"DOCKER_HOST=unix://{self.socket}", "docker",
                                       "load", "-q"), stdin=file, stdout=subprocess.DEVNULL,
                           check=True)

    def remove_containers(self):
        for container in self.get("/containers/json?all=1"):
            with contextlib.suppress(RuntimeError):
                ask(self.socket, f"/containers/{container['Id']}?force=1&v=1", "DELETE")

    def stop(self):
        if not self.is_ours:
            return
        if self.process is not None:
            if self.process.poll() is None:
                with contextlib.suppress(OSError, RuntimeError, http.client.HTTPException):
                    self.remove_containers()
                os.kill(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()
            self.process = None
        subprocess.run(["ip", "link", "del", self.bridge], stderr=subprocess.DEVNULL, check=False)
        if self.directory is not None:
            shutil.rmtree(self.data_root(), ignore_errors=True)
            shutil.rmtree(self.directory, ignore_errors=True)
            self.directory = None
        if self.guard is not None:
            self.guard.communicate("stopped")
            self.guard = None


if __name__ == "__main__":  # engine.py VERSION COMMAND…: runs it with DOCKER_HOST set
    with Engine(int(sys.argv[1])) as started:
        sys.exit(subprocess.run(sys.argv[2:], check=False,
                                env=os.environ | {"DOCKER_HOST": f"unix://{started.socket}"})
                 .returncode)
