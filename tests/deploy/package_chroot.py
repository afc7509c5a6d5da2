#!/usr/bin/env python3
"""The life of the Debian package in a chroot that has what it says that it needs, and no more.

usage: unshare -m package_chroot.py OLD.deb NEW.deb

Two versions of it; nothing is forced and nothing asked. The chroot is Debian 12, kept in the cache;
what dpkg writes goes to memory above it. systemd does not run in there, as in a container's image.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "engine"))

import engine as engines  # noqa: E402

RELEASE = "bookworm"
SKIPPED = 77
CONFIG = "etc/triptych/config.alloy"
PROGRAMS = ("collector", "symbolizer", "shipper")


def run(*command, **options):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, check=False, **options)
    assert done.returncode == 0, f"{' '.join(command)}: exit {done.returncode}: {done.stdout}"
    return done.stdout


def needed(package):
    """The packages that it depends on; of alternatives, the first."""
    fields = run("dpkg-deb", "--field", package, "Depends").split(",")
    return sorted({re.split(r"[ (|]", field.strip())[0] for field in fields})


class Chroot:
    """A Debian of its own; what is changed in it is gone with it."""

    def __init__(self, base, directory):
        self.root = os.path.join(directory, "root")
        above = os.path.join(directory, "above")
        for path in (self.root, above):
            os.mkdir(path)
        run("mount", "--make-rprivate", "/")
        run("mount", "-t", "tmpfs", "none", above)
        for name in ("upper", "work"):
            os.mkdir(os.path.join(above, name))
        run("mount", "-t", "overlay", "none", "-o",
            f"lowerdir={base},upperdir={above}/upper,workdir={above}/work", self.root)
        run("mount", "-t", "proc", "none", self.path("proc"))

    def path(self, name):
        return os.path.join(self.root, name)

    def run(self, *command):
        return run("chroot", self.root, *command,
                   env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C",
                        "DEBIAN_FRONTEND": "noninteractive"})

    def install(self, package, *options):
        shutil.copy(package, self.path("tmp/package.deb"))
        said = self.run("dpkg", *options, "--install", "/tmp/package.deb")
        os.unlink(self.path("tmp/package.deb"))
        assert not self.run("dpkg", "--audit").strip(), said
        return said

    def ours(self):
        """Every file and directory that has the package's name on its way, dpkg's books aside."""
        found = self.run("find", "/", "-xdev", "-path", "*triptych*", "-not", "-path",
                         "/var/lib/dpkg/*", "-not", "-path", "/proc/*")
        return set(found.split())


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def check_installed(chroot, version):
    state = chroot.run("dpkg-query", "-W", "-f", "${Status} ${Version}", "triptych")
    assert state == f"install ok installed {version}", state
    for program in PROGRAMS:
        path = f"/usr/libexec/triptych/triptych-{program}"
        assert chroot.run(path, "--version").strip()
        assert "not found" not in chroot.run("ldd", path)
        assert chroot.run("getent", "passwd", f"triptych-{program}").strip()
    chroot.run("/usr/libexec/triptych/triptych-shipper", "check", "/" + CONFIG)
    assert os.stat(chroot.path("run/triptych")).st_gid == 59110


def append(path, text):
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def with_other_config(package, directory):
    """The same package, whose configuration file has changed since."""
    tree = os.path.join(directory, "changed")
    run("dpkg-deb", "--raw-extract", package, tree)
    append(os.path.join(tree, CONFIG), "// of the new version\n")
    run("dpkg-deb", "--root-owner-group", "--build", tree, tree + ".deb")
    return tree + ".deb"


def check_upgrades(chroot, old, new, directory):
    """Without an edit the new file comes; with one, the edit stays and nobody need answer."""
    changed = with_other_config(new, directory)
    first, second = (run("dpkg-deb", "--field", one, "Version").strip() for one in (old, new))
    config = chroot.path(CONFIG)
    chroot.install(old)
    check_installed(chroot, first)
    chroot.install(changed)
    check_installed(chroot, second)
    assert read(config).endswith("// of the new version\n"), "the new file did not come"
    chroot.run("dpkg", "--purge", "triptych")

    chroot.install(old)
    append(config, "// of the administrator\n")
    edited = read(config)
    chroot.install(new)  # which has the same file as the old one: no question
    assert read(config) == edited, "an upgrade lost what was edited"
    chroot.install(changed, "--force-confold")
    check_installed(chroot, second)
    assert read(config) == edited, "an upgrade lost what was edited"
    assert os.path.exists(config + ".dpkg-dist"), "the new file is nowhere"


def check_end(chroot):
    """Removed, it leaves what was edited and what was spooled; purged, nothing but its users."""
    os.makedirs(chroot.path("var/lib/triptych/spool"), exist_ok=True)
    chroot.run("dpkg", "--remove", "triptych")
    left = {path for path in chroot.ours() if path.startswith(("/usr", "/etc/systemd"))}
    assert not left, left
    assert os.path.exists(chroot.path(CONFIG))
    assert os.path.isdir(chroot.path("var/lib/triptych/spool"))
    chroot.run("dpkg", "--purge", "triptych")
    assert not chroot.ours(), chroot.ours()
    assert not chroot.run("dpkg", "--audit").strip()
    assert chroot.run("getent", "passwd", "triptych-shipper").strip()


def main():
    old, new = sys.argv[1:]
    try:
        packages = needed(new)
        digest = hashlib.sha256(" ".join(packages).encode()).hexdigest()[:8]
        base = engines.debian_root(f"package-{RELEASE}-{digest}", packages, RELEASE)
    except engines.Unavailable as reason:
        print(f"no chroot: {reason}")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="triptych-chroot.") as directory:
        chroot = Chroot(base, directory)
        try:
            check_upgrades(chroot, old, new, directory)
            check_end(chroot)
        finally:
            for name in ("root/proc", "root", "above"):
                run("umount", os.path.join(directory, name))
    print(f"in a chroot of {RELEASE}: installed, upgraded, removed, purged")
    return 0


if __name__ == "__main__":
    sys.exit(main())
