"""What the tests of discovery share: a shipper alone, what it publishes, what the judge finds."""

import base64
import json
import os
import subprocess
import urllib.error
from urllib.parse import parse_qs, urlsplit

import build
from cluster import ClusterTriptych
from harness import READY_SECONDS, check, wait_for

COMPONENT = "discovery.kubernetes.pods"
ACCOUNT = "system:serviceaccount:triptych:triptych"
TEXT = """
discovery.kubernetes "pods" {{
  role = "pod"
  {options}
}}
pyroscope.ebpf "e" {{
  forward_to = [pyroscope.write.w.receiver]
  targets    = discovery.kubernetes.pods.targets
}}
pyroscope.write "w" {{
  endpoint {{ url = "@STORE@" }}
}}
"""


class Shipper(ClusterTriptych):
    """A shipper in a pod. Nobody asks it for settings."""

    def __init__(self, server, options="", **more):
        super().__init__(server, configuration=TEXT.format(options=options), **more)

    def __enter__(self):
        self._prepare()
        try:
            self.start("shipper")
            wait_for(self.is_there, READY_SECONDS, "a shipper that answers")
        except BaseException:
            self.show_logs()
            self.kill("shipper")
            self.stack.close()
            raise
        return self

    def is_there(self):
        self.check_alive()
        try:
            return self.get("/metrics")
        except (urllib.error.URLError, OSError):
            return None

    def component(self):
        return json.loads(self.get(f"/api/v0/web/components/{COMPONENT}"))

    def health(self):
        """("healthy" or "unhealthy", what is wrong)"""
        try:
            return self.get("/-/healthy").strip(), ""
        except urllib.error.HTTPError as error:
            return "unhealthy", error.read().decode()

    def targets(self):
        return sorted_targets(self.component()["exports"].get("targets", []))

    def wait_for_targets(self, wanted, what, seconds=10):
        """@wanted: a list, or how many. Returns them."""
        try:
            return wait_for(lambda: (now := self.targets()) is not None and matches(now, wanted) and
                            (now or True), seconds, what)
        except AssertionError as error:
            now = self.targets()
            names = [one.get("__meta_kubernetes_pod_name") for one in now]
            more = (f"{len(now)} of {len(wanted)}: {differences(now, wanted)}"
                    if isinstance(wanted, list) else names)
            raise AssertionError(f"{error}; {more}; {self.health()}") from None

    def wait_for_health(self, state, words=(), seconds=10):
        """The message must have all @words."""
        try:
            wait_for(lambda: self.health()[0] == state and
                     all(word in self.health()[1] for word in words), seconds, state)
        except AssertionError as error:
            raise AssertionError(f"{error}, with {words}: {self.health()}") from None


def sorted_targets(targets):
    """Labels without a value are as good as none."""
    targets = [{name: value for name, value in one.items() if value} for one in targets]
    return sorted(targets, key=lambda one: sorted(one.items()))


def matches(now, wanted):
    return len(now) == wanted if isinstance(wanted, int) else now == wanted


def differences(ours, theirs):
    """Of the first target that only one side has, the labels that its like does not have."""
    only = [one for one in ours if one not in theirs], [one for one in theirs if one not in ours]
    if not only[0] or not only[1]:
        return f"only here {only[0][:1]}, only there {only[1][:1]}"
    pairs = set(only[0][0].items()) ^ set(only[1][0].items())
    return f"{only[0][0].get('__meta_kubernetes_pod_name')}: {sorted(pairs)}"


def judged(server, **options):
    """The targets that Prometheus' own discovery finds."""
    path = server.path("judge.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"role": "pod", "kubeconfig_file": server.kubeconfig(), **options}, file)
    out = subprocess.run([build.judge(), path], check=True, capture_output=True, text=True,
                         timeout=60).stdout
    return sorted_targets(json.loads(out))


def by_api(server, token=None):
    """Arguments that name the server, in place of the cluster that one is in."""
    lines = [f'api_server = "{server.url}"', f'tls_config {{ ca_file = "{server.authority.cert}" }}']
    return "\n  ".join(lines + ([f'bearer_token = "{token}"'] if token else []))


def encoded(path):
    with open(path, "rb") as file:
        return base64.b64encode(file.read()).decode()


def question(uri):
    """(path, {parameter: value}) of a request."""
    parts = urlsplit(uri)
    return parts.path, {key: value[0] for key, value in
                        parse_qs(parts.query, keep_blank_values=True).items()}


def grant(server, name, role, account=None, namespace=None):
    """Binds a cluster's role to an account, everywhere or in one namespace."""
    owner, user = account or ("triptych", "triptych")
    binding = {"metadata": {"name": name},
               "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
                           "name": role},
               "subjects": [{"kind": "ServiceAccount", "name": user, "namespace": owner}]}
    place = f"namespaces/{namespace}/rolebindings" if namespace else "clusterrolebindings"
    server.create(f"/apis/rbac.authorization.k8s.io/v1/{place}", binding)


def apply_base(server, tree):
    code, _, err = server.kubectl("apply", "-k", os.path.join(tree, "deploy/kubernetes/base"))
    check(code == 0, err)
