"""What is in each image, file by file: whose it is, and that its licence is there too."""

import os
import re
import subprocess
import tarfile

import project
from harness import check

DOC = "usr/share/doc/"
TEXTS = "usr/share/common-licenses/"
# What is no library, and whose it is. What is linked statically shows in no file.
OURS = {"triptych", "libnng-dev"}
OTHERS = {"triptych-collector": OURS, "triptych-symbolizer": OURS, "triptych-shipper": OURS,
          "haproxy": {"haproxy"}, "etc/haproxy.cfg": set(),
          "etc/ssl/certs/ca-certificates.crt": {"ca-certificates"}}
# An engine puts these into every container.
OF_THE_ENGINE = re.compile(r"\.dockerenv|(dev|proc|sys)(/.*)?|etc/(hosts|hostname|mtab|resolv\.conf)")
COPYRIGHT_BYTES_MIN = 200


def files_of(engine, image):
    """{path: bytes or, of what is no text for us, None} of an image."""
    container = engine.docker("create", image).strip()
    found = {}
    command = engine.inside("env", f"DOCKER_HOST=unix://{engine.socket}", "docker", "export",
                            container)
    with subprocess.Popen(command, stdout=subprocess.PIPE) as export:
        with tarfile.open(fileobj=export.stdout, mode="r|") as tar:
            for member in tar:
                path = os.path.normpath(member.name)
                if member.isdir() or OF_THE_ENGINE.fullmatch(path):
                    continue
                is_text = path.startswith((DOC, TEXTS)) and member.isfile()
                found[path] = tar.extractfile(member).read() if is_text else None
    engine.docker("rm", container)
    return found


def check_image(target, files):
    owners = {}
    for line in files[DOC + "packages"].decode().splitlines():
        package, _, path = line.split()
        owners[path.lstrip("/")] = package
    contained = {path for path in files if not path.startswith((DOC, TEXTS))}
    check(contained <= set(owners) | set(OTHERS),
          f"{target}: whose is {sorted(contained - set(owners) - set(OTHERS))}?")
    check(set(owners) <= contained, f"{target}: there is no {sorted(set(owners) - contained)}")
    packages = set(owners.values()).union(*(OTHERS[path] for path in contained & set(OTHERS)))
    for package in packages:
        text = files.get(f"{DOC}{package}/copyright", b"")
        check(len(text) >= COPYRIGHT_BYTES_MIN, f"{target}: no licence of {package}")
        for name in re.findall(rb"/usr/share/common-licenses/([\w.+-]*\w)", text):
            check(TEXTS + name.decode() in files, f"{target}: {package} refers to {name.decode()}")
    print(f"{target}: {len(contained)} files of {len(packages)} packages, all with their licences")


def check_images(engine):
    for target in project.TARGETS:
        check_image(target, files_of(engine, project.image(target)))
