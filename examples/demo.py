#!/usr/bin/env python3
"""What an AI assistant sees of Sirocco: the official MCP client starts `sirocco mcp`, extracts data, classifies, and an agent runs tools.

Usage: demo.py SIROCCO     (make demo does it)
"""
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time

from mcp import Client, StdioServerParameters

SIROCCO = os.path.abspath(sys.argv[1])
HERE = os.path.dirname(os.path.abspath(__file__))
COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def title(text):
    print("\n" + paint("1", text))


def show(label, value):
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    print(f"  {paint('2', label.ljust(9))} {text}")


ORDER = "Hannah Okafor ordered 3 laptops in Lisbon for 1480.50 EUR."
SCHEMA = {
    "type": "object",
    "properties": {
        "customer": {"type": "string"},
        "product": {"type": "string"},
        "quantity": {"type": "integer", "minimum": 1},
        "total": {"type": "number"},
        "currency": {"enum": ["USD", "EUR", "GBP"]},
        "city": {"type": "string"},
    },
    "required": ["customer", "product", "quantity", "total", "currency", "city"],
    "additionalProperties": False,
}


async def assistant():
    title("1. An assistant connects")
    show("starts", f"{os.path.relpath(SIROCCO)} mcp")
    started = time.perf_counter()
    async with Client(StdioServerParameters(command=SIROCCO, args=["mcp"])) as client:
        tools = (await client.list_tools()).tools
        show("speaks", f"MCP {client.protocol_version}, connected in {(time.perf_counter() - started) * 1e3:.0f} ms")
        for tool in tools:
            show("offers", f"{paint('36', tool.name)}: {(tool.description or '').split('. ')[0].split(', ')[0].split(':')[0].rstrip('.')}")

        title("2. It hands over a text and a JSON Schema: tools/call extract")
        show("text", ORDER)
        show("schema", "{customer: string, product: string, quantity: int ≥ 1, total: number, currency: USD | EUR | GBP, city: string}")
        started = time.perf_counter()
        result = await client.call_tool("extract", {"text": ORDER, "schema": SCHEMA})
        took = time.perf_counter() - started
        if result.is_error:
            sys.exit(f"extract failed: {result.content[0].text}")
        show("answer", paint("32", json.dumps(result.structured_content["data"], ensure_ascii=False)))
        show("", f"in {took * 1e3:.0f} ms, the model's loading included. No other shape was possible: at every step only tokens")
        show("", "that keep the answer valid under the schema can be sampled.")

        title("3. It sorts a message: tools/call classify")
        message = "The package is late, where is my order?"
        result = await client.call_tool("classify", {"text": message, "labels": ["billing", "shipping", "login"]})
        if result.is_error:
            sys.exit(f"classify failed: {result.content[0].text}")
        show("text", message)
        for score in result.structured_content["scores"]:
            bar = "█" * round(score["probability"] * 30)
            show("", f"{score['label']:<9} {score['probability']:6.1%} {paint('32', bar)}")

        title("4. A schema that cannot be kept is refused by name, not ignored")
        result = await client.call_tool("extract", {"text": ORDER, "schema": {"type": "object", "properties": {"a": {"type": "string", "pattern": "(?<=x)y"}}}})
        show("answer", paint("33", result.content[0].text))


def agent():
    title("5. Sirocco as the agent: it hosts an MCP server (official Python SDK) and uses its tools")
    task = "Email Maria Lopez about billing."
    config = {"mcpServers": {"office": {"command": sys.executable, "args": [os.path.join(HERE, "office_tools.py")]}}}
    with tempfile.NamedTemporaryFile("w", suffix=".json", delete=False) as file:
        json.dump(config, file)
    show("runs", f'sirocco agent --mcp-config … --yes "{task}"')
    try:
        process = subprocess.run(
            [SIROCCO, "agent", "--mcp-config", file.name, "--yes", "--json", task], stdout=subprocess.PIPE, text=True, timeout=120
        )
    finally:
        os.unlink(file.name)
    for line in process.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "tool_call":
            show("calls", paint("36", f"{event['name']}({json.dumps(event['arguments'], ensure_ascii=False)})"))
        elif event["event"] == "tool_result":
            show("gets", event["text"])
        elif event["event"] == "answer":
            show("answers", paint("32", event["text"]))
    if process.returncode != 0:
        sys.exit(f"the agent ended with status {process.returncode}")


def main():
    print(paint("1", "Sirocco") + ": a local LLM engine that plugs into AI assistants. The embedded model is 5.5 MB and knows nothing of the")
    print("world; what you see is the machinery. For real work, give --model a real model.")
    asyncio.run(assistant())
    agent()
    print("\nNext: add Sirocco to your assistant (README.md).")


if __name__ == "__main__":
    main()
