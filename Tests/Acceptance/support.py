"""What the acceptance tests share: where things are, and a raw MCP connection over stdio."""
import json
import os
import select
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SIROCCO = os.path.join(ROOT, ".build", "release", "sirocco")
SHARED = os.path.join(os.path.dirname(ROOT), "shared")
EXAMPLES = os.path.join(ROOT, "examples")
PYTHON = sys.executable
MODERN = {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}


def shared(*parts):
    path = os.path.join(SHARED, *parts)
    if not os.path.exists(path):
        raise AssertionError(f"fixture missing: {path}")
    return path


def sirocco(*arguments, input=None, timeout=120, **options):
    """Runs the command and returns the finished process; standard output and error are captured as text (bytes when the input is)."""
    return subprocess.run(
        [SIROCCO, *arguments], input=input, capture_output=True, text=not isinstance(input, bytes), timeout=timeout, **options
    )


class Connection:
    """One `sirocco mcp` process, spoken to in raw lines."""

    def __init__(self, *arguments, **options):
        self.process = subprocess.Popen(
            [SIROCCO, "mcp", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
        )
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()

    def send(self, message):
        line = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        self.process.stdin.write(line)
        self.process.stdin.flush()

    def request(self, id, method, params=None, meta=MODERN):
        params = dict(params or {})
        if meta is not None:
            params["_meta"] = meta
        self.send({"jsonrpc": "2.0", "id": id, "method": method, "params": params})

    def receive(self, timeout=20):
        """The next message, which must be one line of valid JSON; None after the timeout or at the end."""
        deadline = time.monotonic() + timeout
        while b"\n" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            chunk = os.read(self.process.stdout.fileno(), 1 << 16)
            if not chunk:
                return None
            self.buffer += chunk
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line.decode("utf-8", "strict"))

    def response(self, id, timeout=60):
        """The response to a request; notifications before it are kept in `notifications`."""
        self.notifications = []
        while (message := self.receive(timeout)) is not None:
            if message.get("id") == id and "method" not in message:
                return message
            self.notifications.append(message)
        raise AssertionError(f"no response to {id!r}")

    def initialize(self, version="2025-11-25"):
        self.request(0, "initialize", {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}, meta=None)
        response = self.response(0)
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return response

    def end(self, timeout=5):
        """Closes standard input and returns the exit status."""
        self.process.stdin.close()
        return self.process.wait(timeout)
