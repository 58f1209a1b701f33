"""`sirocco agent` against a tool server on the official Python SDK."""
import json
import os
import signal
import subprocess
import tempfile
import time
import unittest

from support import EXAMPLES, PYTHON, SIROCCO, sirocco

SLOW_SERVER = """
import time
from mcp.server.mcpserver import MCPServer
server = MCPServer("slow")

@server.tool()
def get_contact(name: str) -> dict[str, str]:
    "Find a contact's email address"
    time.sleep(60)
    return {"name": name, "email": "x@example.com"}

server.run()
"""


def configuration(directory, **servers):
    path = os.path.join(directory, "mcp.json")
    with open(path, "w") as file:
        json.dump({"mcpServers": {name: {"command": PYTHON, "args": [script]} for name, script in servers.items()}}, file)
    return path


def running(text):
    """The processes whose command line holds this text."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                if text.encode() in file.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


class Agent(unittest.TestCase):
    def test_two_steps_of_which_the_second_needs_the_first(self):
        with tempfile.TemporaryDirectory() as directory:
            config = configuration(directory, office=os.path.join(EXAMPLES, "office_tools.py"))
            process = sirocco("agent", "--mcp-config", config, "--yes", "--json", "Email Maria Lopez about billing.", stdin=subprocess.DEVNULL)
        self.assertEqual(process.returncode, 0, process.stderr)
        events = [json.loads(line) for line in process.stdout.splitlines()]
        calls = [(event["name"], event["arguments"]) for event in events if event["event"] == "tool_call"]
        self.assertEqual(
            calls, [("get_contact", {"name": "Maria Lopez"}), ("send_email", {"to": "maria.lopez@example.com", "subject": "billing"})]
        )
        answers = [event["text"] for event in events if event["event"] == "answer"]
        self.assertEqual(len(answers), 1)
        self.assertIn("sent", answers[0])

    def test_without_permission_nothing_is_called(self):
        with tempfile.TemporaryDirectory() as directory:
            config = configuration(directory, office=os.path.join(EXAMPLES, "office_tools.py"))
            process = sirocco("agent", "--mcp-config", config, "--json", "Email Maria Lopez about billing.", stdin=subprocess.DEVNULL)
        events = [json.loads(line) for line in process.stdout.splitlines()]
        self.assertFalse([event for event in events if event["event"] == "tool_result" and not event.get("is_error")])

    def test_killed_mid_task_it_leaves_no_child(self):
        for sent in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            with self.subTest(signal=sent), tempfile.TemporaryDirectory() as directory:
                script = os.path.join(directory, "slow_server.py")
                with open(script, "w") as file:
                    file.write(SLOW_SERVER)
                process = subprocess.Popen(
                    [SIROCCO, "agent", "--mcp-config", configuration(directory, slow=script), "--yes", "--json", "Email Maria Lopez about billing."],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                )
                for line in process.stdout:
                    if json.loads(line)["event"] == "tool_call":
                        break
                self.assertTrue(running(script))
                process.send_signal(sent)
                process.wait(10)
                process.stdout.close()
                deadline = time.monotonic() + 8
                while running(script) and time.monotonic() < deadline:
                    time.sleep(0.05)
                self.assertEqual(running(script), [])

    def test_a_signal_ends_it_and_what_its_servers_started(self):
        """The status says which signal, and what a server has started itself is ended too, even where the agent can do nothing more."""
        for sent, status in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)):
            with self.subTest(signal=sent), tempfile.TemporaryDirectory() as directory:
                script = os.path.join(directory, "slow_server.py")
                with open(script, "w") as file:
                    file.write(SLOW_SERVER)
                marker = f"9{os.getpid()}{int(sent)}"
                path = os.path.join(directory, "mcp.json")
                with open(path, "w") as file:
                    json.dump({"mcpServers": {"slow": {"command": "sh", "args": ["-c", f"sleep {marker} & exec {PYTHON} {script}"]}}}, file)
                process = subprocess.Popen(
                    [SIROCCO, "agent", "--mcp-config", path, "--yes", "--json", "Email Maria Lopez about billing."],
                    stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                )
                for line in process.stdout:
                    if json.loads(line)["event"] == "tool_call":
                        break
                self.assertTrue(running(f"sleep\0{marker}"))
                process.send_signal(sent)
                self.assertEqual(process.wait(10), status)
                process.stdout.close()
                deadline = time.monotonic() + (8 if sent == signal.SIGKILL else 0)
                while running(f"sleep\0{marker}") and time.monotonic() < deadline:
                    time.sleep(0.05)
                self.assertEqual(running(f"sleep\0{marker}"), [])

    def test_a_broken_server_is_reported_by_name(self):
        with tempfile.TemporaryDirectory() as directory:
            process = sirocco("agent", "--mcp-config", configuration(directory, broken="/nonexistent.py"), "--yes", "Hello", stdin=subprocess.DEVNULL)
        self.assertNotEqual(process.returncode, 0)
        self.assertIn("broken", process.stderr)


if __name__ == "__main__":
    unittest.main()
