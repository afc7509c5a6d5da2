"""A real Kubernetes API server on loopback, with etcd beneath it and no node anywhere.

    with ApiServer(directory) as server:
        server.create("/api/v1/namespaces", {"metadata": {"name": "shop"}})
        status, answer = server.ask("GET", "/api/v1/pods", token=server.token_of("shop", "reader"))

TLS by an authority of its own, tokens and client certificates, RBAC, pod security and the other
admission that is on by default. Pods are created, and their status is patched, by HTTP.
"""

import contextlib
import http.client
import json
import os
import ssl
import subprocess
import sys
import urllib.request

import build
from build import Unavailable  # noqa: F401

sys.path.insert(0, os.path.join(os.path.dirname(build.HERE), "e2e"))
import harness  # noqa: E402
from http_servers import Authority, Process, free_port  # noqa: E402

ADMIN = "admin-token"
START_SECONDS = 90
PATCH = "application/merge-patch+json"
# Names that programs inside of a cluster may know it by.
NAMES = ("IP:127.0.0.1", "DNS:localhost", "DNS:kubernetes.default.svc", "DNS:apiserver.test")


class Refused(Exception):
    """The server answered, and not as the test wanted."""

    def __init__(self, status, answer):
        super().__init__(f"{status}: {answer}")
        self.status, self.answer = status, answer


AUDIT = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": [],
         "rules": [{"level": "Metadata"}]}


class ApiServer:
    def __init__(self, directory, *options):
        self.directory = os.path.join(directory, "apiserver")
        self.options = options
        self.port, self.etcd_port = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.etcd, self.process = None, None

    def path(self, name):
        return os.path.join(self.directory, name)

    # -- life

    def __enter__(self):
        self.programs, self.etcd_program = build.programs(), build.etcd()
        os.makedirs(self.directory)
        os.chmod(self.directory, 0o755)
        self._make_secrets()
        try:
            self._start_etcd()
            self.start()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None and os.path.exists(self.path("log")):
            with open(self.path("log"), encoding="utf-8", errors="replace") as file:
                print(f"---- kube-apiserver\n{file.read()[-3000:]}", file=sys.stderr)
        self.stop()
        if self.etcd:
            self._end(self.etcd)

    def _make_secrets(self):
        self.renew_authority("authority")
        subprocess.run(["openssl", "genpkey", "-algorithm", "RSA", "-out", self.path("accounts.key")],
                       check=True, capture_output=True)
        with open(self.path("audit.json"), "w", encoding="utf-8") as file:
            json.dump(AUDIT, file)
        with open(self.path("tokens"), "w", encoding="utf-8") as file:
            file.write(f'{ADMIN},admin,1,"system:masters"\n')

    def renew_authority(self, name):
        """Who signs certificates from the next start on."""
        self.authority = Authority(self.directory, name)
        self.cert, self.key = self.authority.sign("apiserver", *NAMES)

    def _spawn(self, *command):
        with open(self.path("log"), "ab") as log:
            return harness.spawn(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/")

    @staticmethod
    def _end(process):
        process.terminate()
        with contextlib.suppress(harness.Failed):
            harness.reap(process, 20)

    def _start_etcd(self):
        url, peers = f"http://127.0.0.1:{self.etcd_port}", f"http://127.0.0.1:{free_port()}"
        self.etcd = self._spawn(
            self.etcd_program, "--data-dir", self.path("etcd"), "--listen-client-urls", url,
            "--advertise-client-urls", url, "--listen-peer-urls", peers,
            "--initial-advertise-peer-urls", peers, "--initial-cluster", f"default={peers}")

    def start(self):
        """Returns when the server is ready. The data are those that etcd has."""
        account = self.path("accounts.key")
        self.process = self._spawn(
            os.path.join(self.programs, "kube-apiserver"),
            f"--etcd-servers=http://127.0.0.1:{self.etcd_port}", "--etcd-compaction-interval=0",
            "--bind-address=127.0.0.1", f"--secure-port={self.port}",
            f"--tls-cert-file={self.cert}", f"--tls-private-key-file={self.key}",
            f"--client-ca-file={self.authority.cert}", f"--token-auth-file={self.path('tokens')}",
            f"--service-account-key-file={account}", f"--service-account-signing-key-file={account}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=Node,RBAC",
            f"--audit-policy-file={self.path('audit.json')}", f"--audit-log-path={self.path('audit')}",
            "--profiling=false", *self.options)
        harness.wait_for(self._is_ready, START_SECONDS, "an API server", 0.1)

    def stop(self):
        if self.process:
            self._end(self.process)
            self.process = None

    def _is_ready(self):
        harness.check(self.process.poll() is None and self.etcd.poll() is None,
                      "the server or etcd ended")
        try:
            return self.ask("GET", "/readyz")[0] == 200
        except OSError:
            return False

    # -- HTTP

    def ask(self, method, path, body=None, token=ADMIN, kind="application/json"):
        """(status, answer), the latter decoded where it is JSON."""
        context = ssl.create_default_context(cafile=self.authority.cert)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)
        headers = {"Content-Type": kind, "Authorization": f"Bearer {token}"}
        try:
            connection.request(method, path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        is_json = answer.getheader("Content-Type", "").startswith("application/json")
        return answer.status, json.loads(text) if is_json else text

    def must(self, method, path, body=None, **options):
        status, answer = self.ask(method, path, body, **options)
        if not 200 <= status < 300:
            raise Refused(status, answer)
        return answer

    def create(self, path, thing, **options):
        return self.must("POST", path, thing, **options)

    def create_namespace(self, name, labels=None):
        """With the account that pods have when they name none."""
        self.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels or {}}})
        self.create(f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "default"}})

    def token_of(self, namespace, account, seconds=3600):
        answer = self.create(f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token",
                             {"spec": {"expirationSeconds": seconds}})
        return answer["status"]["token"]

    def may(self, user, verb, resource, group="", subresource="", namespace=""):
        """What a SubjectAccessReview says."""
        attributes = {"verb": verb, "resource": resource, "group": group,
                      "subresource": subresource, "namespace": namespace}
        review = {"spec": {"user": user, "resourceAttributes": attributes}}
        answer = self.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
        return answer["status"]["allowed"]

    def heard(self, user, since=0):
        """Its requests as the server logged their arrival, from the @since-th on: (verb, URI)."""
        with open(self.path("audit"), encoding="utf-8") as file:
            events = [json.loads(line) for line in file if line.endswith("\n")]
        return [(one["verb"], one["requestURI"]) for one in events
                if one["user"].get("username") == user and one["stage"] == "RequestReceived"][since:]

    def compact(self):
        """Makes etcd forget all but the present: who watches from an earlier version hears 410."""
        version = self.must("GET", "/api/v1/namespaces?limit=1")["metadata"]["resourceVersion"]
        request = urllib.request.Request(f"http://127.0.0.1:{self.etcd_port}/v3/kv/compaction",
                                         json.dumps({"revision": version}).encode())
        urllib.request.urlopen(request, timeout=10).close()

    # -- clients

    def kubeconfig(self, name="kubeconfig", user=None, cluster=None):
        """A file that programs of Kubernetes read; the administrator's, when no user is given."""
        path = self.path(name)
        cluster = cluster or {"server": self.url, "certificate-authority": self.authority.cert}
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"apiVersion": "v1", "kind": "Config", "current-context": "test",
                       "clusters": [{"name": "test", "cluster": cluster}],
                       "users": [{"name": "test", "user": user or {"token": ADMIN}}],
                       "contexts": [{"name": "test", "context": {"cluster": "test",
                                                                 "user": "test"}}]}, file)
        os.chmod(path, 0o644)
        return path

    def environment(self):
        """In which `kubectl` is this release's, and speaks to this server."""
        return dict(os.environ, KUBECONFIG=self.kubeconfig(), HOME=self.directory,
                    PATH=f"{self.programs}:{os.environ['PATH']}")

    def kubectl(self, *arguments, text=None):
        """(exit code, what it printed, what it complained of)."""
        done = subprocess.run(["kubectl", *arguments], input=text, capture_output=True, text=True,
                              timeout=120, env=self.environment(), check=False)
        return done.returncode, done.stdout, done.stderr
