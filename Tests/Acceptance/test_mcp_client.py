"""The official Python MCP client against `sirocco mcp`, in its automatic, legacy and 2026-07-28 modes."""
import asyncio
import json
import unittest

from mcp import Client, MCPError, StdioServerParameters

from support import SIROCCO

SCHEMA = {
    "type": "object",
    "properties": {"id": {"type": "string"}, "firm": {"type": "string"}},
    "required": ["id", "firm"],
    "additionalProperties": False,
}
TEXT = "FYI: They checked in representing Teardrop Motors tracked as A-60239. Kind regards"


class OfficialClient(unittest.TestCase):
    def test_modes(self):
        for mode, version in [("auto", "2026-07-28"), ("legacy", "2025-11-25"), ("2026-07-28", "2026-07-28")]:
            with self.subTest(mode=mode):
                asyncio.run(self.session(mode, version))

    async def session(self, mode, version):
        progress = []

        async def on_progress(done, total, message):
            progress.append(done)

        parameters = StdioServerParameters(command=SIROCCO, args=["mcp"])
        async with Client(parameters, mode=mode, read_timeout_seconds=60) as client:
            self.assertEqual(client.protocol_version, version)
            if mode != "2026-07-28":  # pinned, the client asks for no description of the server
                self.assertEqual(client.server_info.name, "sirocco")
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            self.assertLessEqual({"extract", "classify", "generate", "models"}, set(tools))
            for tool in tools.values():
                self.assertEqual(tool.input_schema["type"], "object")
                self.assertEqual(tool.output_schema["type"], "object")

            result = await client.call_tool("extract", {"text": TEXT, "schema": SCHEMA}, progress_callback=on_progress)
            self.assertFalse(result.is_error, result.content)
            self.assertEqual(result.structured_content["data"], {"id": "A-60239", "firm": "Teardrop Motors"})
            self.assertIs(result.structured_content["complete"], True)
            self.assertEqual(json.loads(result.content[0].text), result.structured_content)
            self.assertEqual(progress, sorted(set(progress)), "progress rises strictly")
            self.assertTrue(progress, "progress is reported")

            labels = ["billing", "shipping", "login"]
            result = await client.call_tool("classify", {"text": "I was charged twice on my invoice.", "labels": labels})
            self.assertFalse(result.is_error, result.content)
            self.assertEqual(sorted(score["label"] for score in result.structured_content["scores"]), sorted(labels))
            self.assertAlmostEqual(sum(score["probability"] for score in result.structured_content["scores"]), 1, places=3)

            result = await client.call_tool("generate", {"prompt": "Hello", "regex": "[a-c]{5}"})
            self.assertFalse(result.is_error, result.content)
            self.assertRegex(result.structured_content["text"], "^[a-c]{5}$")

            result = await client.call_tool("models", {})
            self.assertFalse(result.is_error, result.content)

            result = await client.call_tool("extract", {"text": 5})
            self.assertTrue(result.is_error)
            result = await client.call_tool("extract", {"text": "x", "schema": {"type": "string", "pattern": "(?<=a)b"}})
            self.assertTrue(result.is_error)
            self.assertIn("/pattern", result.content[0].text)
            with self.assertRaises(MCPError) as raised:
                await client.call_tool("no_such_tool", {})
            self.assertEqual(raised.exception.error.code, -32602)

            many = await asyncio.gather(*(client.call_tool("extract", {"text": TEXT, "schema": SCHEMA}) for _ in range(8)))
            self.assertEqual({json.dumps(one.structured_content["data"]) for one in many}, {json.dumps({"id": "A-60239", "firm": "Teardrop Motors"})})


if __name__ == "__main__":
    unittest.main()
