"""`sirocco mcp` on the wire: hostile input, cancellation, the end of the connection, standard output that belongs to the protocol."""
import json
import os
import signal
import time
import unittest

from support import MODERN, Connection

LONG = {"prompt": "Tell a story.", "regex": "[a-z ]{1800,2000}", "max_output_tokens": 1950}


class Wire(unittest.TestCase):
    def ask(self, line, id, **options):
        """The response to a raw line, on a connection that goes on working afterwards."""
        with Connection() as connection:
            connection.send(line)
            response = connection.response(id, **options) if id is not None else None
            connection.request("after", "server/discover")
            self.assertIn("result", connection.response("after"))
            self.assertEqual(connection.end(), 0)
            return response

    def code(self, message, id=1):
        line = message if isinstance(message, bytes) else json.dumps(message).encode() + b"\n"
        return self.ask(line, id).get("error", {}).get("code")

    def modern(self, method, params=None, id=1, meta=MODERN):
        return {"jsonrpc": "2.0", "id": id, "method": method, "params": {**(params or {}), "_meta": meta}}

    def test_discover(self):
        result = self.ask(json.dumps(self.modern("server/discover")).encode() + b"\n", 1)["result"]
        self.assertEqual(result["resultType"], "complete")
        self.assertIn("2026-07-28", result["supportedVersions"])
        self.assertIn("ttlMs", result)
        self.assertIn(result["cacheScope"], ["public", "private"])

    def test_versions(self):
        for version in ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"]:
            with Connection() as connection:
                self.assertEqual(connection.initialize(version)["result"]["protocolVersion"], version)
        with Connection() as connection:
            self.assertEqual(connection.initialize("1999-01-01")["result"]["protocolVersion"], "2025-11-25")

    def test_error_codes(self):
        old = {**MODERN, "io.modelcontextprotocol/protocolVersion": "1900-01-01"}
        bare = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
        for expected, message in [
            (-32022, self.modern("tools/list", meta=old)),
            (-32602, self.modern("tools/list", meta=bare)),
            (-32601, self.modern("no/such")),
            (-32601, self.modern("ping")),
            (-32602, self.modern("tools/list", {"cursor": "zzz"})),
            (-32602, self.modern("tools/call", {})),
            (-32602, self.modern("tools/call", {"name": "nope"})),
        ]:
            with self.subTest(message=message):
                self.assertEqual(self.code(message), expected)

    def test_ids_are_echoed_exactly(self):
        for id in ["é\u2028😀", 9007199254740993, 0, -1, ""]:
            response = self.ask(json.dumps(self.modern("server/discover", id=id), ensure_ascii=False).encode() + b"\n", id)
            self.assertEqual(response["id"], id)

    def test_survives(self):
        nested = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}\n"
        for line in [b"{nope\n", b"\n\r\n", b"\xff\xfe\n", b'"\\ud800"\n', nested, b"[]\n", b"5\n", b'{"jsonrpc":"2.0","method":"notifications/zzz"}\n',
                     b'{"jsonrpc":"2.0","id":null,"method":"tools/list"}\n', b'{"jsonrpc":"2.0","id":1.5,"method":"tools/list"}\n', b"x" * (17 << 20) + b"\n"]:
            with self.subTest(line=line[:40]):
                self.ask(line, None)

    def test_bad_arguments_are_for_the_model(self):
        response = self.ask(json.dumps(self.modern("tools/call", {"name": "extract", "arguments": {"text": 5}})).encode() + b"\n", 1)
        self.assertTrue(response["result"]["isError"])
        self.assertNotIn("structuredContent", response["result"])

    def test_control_messages_are_answered_during_a_generation(self):
        with Connection() as connection:
            connection.initialize()
            connection.request(1, "tools/call", {"name": "generate", "arguments": LONG}, meta=None)
            connection.request(2, "ping", meta=None)
            self.assertEqual(connection.response(2, timeout=10)["result"], {})

    def test_cancelled_calls_fall_silent(self):
        for meta in (None, MODERN):
            with Connection() as connection:
                if meta is None:
                    connection.initialize()
                progress = {**(meta or {}), "progressToken": "t"}
                connection.request(5, "tools/call", {"name": "generate", "arguments": LONG}, meta=progress)
                self.assertIsNotNone(connection.receive(timeout=20), "progress comes")
                connection.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 5}})
                connection.request(6, "tools/list", meta=meta)
                connection.response(6)
                time.sleep(0.3)
                while (message := connection.receive(timeout=1)) is not None:
                    self.fail(f"after the cancellation came {message}")
                self.assertEqual(connection.end(), 0)

    def test_ends_at_once_when_the_client_is_gone(self):
        with Connection() as connection:
            connection.request(1, "tools/call", {"name": "generate", "arguments": LONG})
            time.sleep(0.5)
            started = time.monotonic()
            self.assertEqual(connection.end(timeout=5), 0)
            self.assertLess(time.monotonic() - started, 3)
        with Connection() as connection:
            self.assertEqual(connection.end(), 0)

    def test_sigterm(self):
        with Connection() as connection:
            connection.request(1, "server/discover")
            connection.response(1)
            connection.process.send_signal(signal.SIGTERM)
            connection.process.wait(5)

    def test_standard_output_is_the_protocols_at_every_log_level(self):
        for level in ["trace", "debug", "info", "error"]:
            with Connection("--log-level", level) as connection:
                connection.request(1, "tools/call", {"name": "extract", "arguments": {"text": "A-1 is here", "schema": {"type": "object", "properties": {"id": {"type": "string"}}}}})
                self.assertIn("result", connection.response(1))


if __name__ == "__main__":
    unittest.main()
