"""Servers that benchmarks start and stop: Redis, feature servers, the canned HTTP floor."""
import http.client
import os
import signal
import socket
import subprocess
import sys
import time

import psutil

from common import LOAD, WORK


class Server:
    """A process with what it started, and its figures."""

    def __init__(self, name, command, port, ready, environment=None, cwd=None):
        self.name, self.port = name, port
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise SystemExit(f"something else listens on port {port}")
        log = WORK / f"server-{name.replace(' ', '-')}.log"
        self.process = subprocess.Popen(
            [str(c) for c in command], stdout=log.open("w"), stderr=subprocess.STDOUT, cwd=cwd, start_new_session=True,
            env=os.environ | (environment or {}))
        began = time.monotonic()
        while not ready(self):
            if self.process.poll() is not None or time.monotonic() - began > 90:
                self.stop()
                raise SystemExit(f"{name} did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.01)

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def tree(self):
        whole = psutil.Process(self.process.pid)
        return [whole, *whole.children(recursive=True)]

    def cpu(self):
        """Seconds of user and system time of all its processes."""
        times = [p.cpu_times() for p in self.tree()]
        return sum(t.user + t.system for t in times)

    def memory(self):
        """Resident megabytes of all its processes."""
        return sum(p.memory_info().rss for p in self.tree()) / 1e6

    def drain(self):
        """Waits until it works no more on requests whose client has left, which would be charged to whoever is next."""
        end, before = time.monotonic() + 60, self.cpu()
        while time.monotonic() < end:
            time.sleep(0.1)
            now = self.cpu()
            if now - before < 0.015:
                return
            before = now

    def stop(self):
        try:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(20)
        except ProcessLookupError:
            pass


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers_health(server):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        connection.request("GET", "/health")
        return connection.getresponse().status < 500
    except OSError:
        return False


def listens(server):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", server.port)) == 0


def redis_server(name, port=None):
    """A Redis of the benchmark's own, empty and without persistence."""
    port = port or free_port()
    command = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", WORK]
    return Server(name, command, port, listens)


def redis_client(server):
    import redis

    return redis.Redis(port=server.port)


def provender_server(name, binary, repo):
    port = free_port()
    return Server(name, [binary, "-c", repo, "serve", "--port", port], port, answers_health)


def feast_server(name, repo, workers=2):
    """Feast at its fastest: assertions off, the registry kept for an hour, no access log."""
    port = free_port()
    command = [sys.executable, "-c", "import sys; from feast.cli.cli import cli; sys.argv[0] = 'feast'; cli()", "serve", "-p", port,
               "--workers", workers, "--no-access-log", "-r", 3600, "--max-requests", 0, "--max-requests-jitter", 0]
    return Server(name, command, port, answers_health, {"PYTHONOPTIMIZE": "1", "FEAST_USAGE": "False"}, cwd=repo)


def canned_server(name, body):
    """The HTTP floor, answering everything with this body."""
    file = WORK / "canned.body"
    file.write_bytes(body)
    port = free_port()
    return Server(name, [LOAD, "canned", port, file], port, listens)


def post(server, body):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=120)
    connection.request("POST", "/get-online-features", body, {"content-type": "application/json"})
    response = connection.getresponse()
    answer = response.read()
    if response.status != 200:
        raise SystemExit(f"{server.name} answers {response.status}: {answer[:500]!r}")
    return answer
