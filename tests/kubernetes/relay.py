"""A TCP relay that a test can cut: the way to a server, and no way to it."""

import contextlib
import socket
import threading


class Relay:
    """with Relay(port) as relay: … relay.port … relay.cut() … relay.join()"""

    def __init__(self, behind):
        self.behind, self.lock = behind, threading.Lock()
        self.is_open, self.n_accepted = True, 0
        self.pairs = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.cut()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                self._begin(self.listener.accept()[0])

    def _begin(self, front):
        with self.lock:
            self.n_accepted += 1
            back = None
            if self.is_open:
                with contextlib.suppress(OSError):
                    back = socket.create_connection(("127.0.0.1", self.behind), 5)
                    back.settimeout(None)
            if not back:
                front.close()
                return
            self.pairs.append((front, back))
        for source, target in ((front, back), (back, front)):
            threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    @staticmethod
    def _copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """Breaks every connection; new ones are closed at once."""
        with self.lock:
            self.is_open, pairs, self.pairs = False, self.pairs, []
        for pair in pairs:
            for one in pair:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()

    def join(self):
        with self.lock:
            self.is_open = True
