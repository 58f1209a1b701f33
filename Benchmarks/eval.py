#!/usr/bin/env python3
"""Runs a model over its evaluation rows, through the same doors as everyone else, and prints the result next to the model card's.

    python3 Benchmarks/eval.py [--sirocco PATH] [--model MODEL] [--json] PATH/eval.jsonl

`extract` and `classify` rows go through the MCP tools of these names (`sirocco mcp`), `tool` and `agent` rows through `sirocco run --json`
(one request a line in, one response a line out). An answer counts when the whole of it is exact. The card is the README.md beside the rows.
Exit status 1: an `extract` answer is not valid under its schema, or a kind is more than one point below the card's column "under the
grammar". Exit status 2: the rows could not be run. Python's standard library is all that is needed.
"""
import argparse
import collections
import json
import os
import re
import subprocess
import sys
import time

KINDS = ["extract", "classify", "tool", "agent"]


class Broken(Exception):
    """The process under test does not keep to its interface, so that nothing can be measured."""


class Lines:
    """A child process that reads and writes one JSON value a line."""

    def __init__(self, command):
        self.command = command
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def send(self, value):
        try:
            self.process.stdin.write(json.dumps(value, ensure_ascii=False).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise Broken(f"{' '.join(self.command)} has ended (status {self.process.wait()})") from None

    def receive(self):
        line = self.process.stdout.readline()
        if not line:
            raise Broken(f"{' '.join(self.command)} has ended (status {self.process.wait()})")
        try:
            return json.loads(line)
        except ValueError:
            raise Broken(f"{' '.join(self.command)} wrote a line that is not JSON: {line[:200]!r}") from None

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


class Tools:
    """An MCP server over stdio."""

    def __init__(self, command):
        self.lines = Lines(command)
        self.id = 0
        client = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "eval", "version": "1"}}
        self.request("initialize", client)
        self.lines.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def request(self, method, params):
        self.id += 1
        self.lines.send({"jsonrpc": "2.0", "id": self.id, "method": method, "params": params})
        while True:
            message = self.lines.receive()
            if message.get("id") == self.id and "method" not in message:
                break
        if "error" in message:
            raise Broken(f"{method}: {message['error']}")
        return message["result"]

    def call(self, name, arguments):
        """The structured result and no error, or nothing and the error's text."""
        result = self.request("tools/call", {"name": name, "arguments": arguments})
        if result.get("isError"):
            return None, " ".join(block.get("text", "") for block in result["content"])
        if "structuredContent" not in result:
            raise Broken(f"{name}: a result without structuredContent")
        return result["structuredContent"], None


class Chat:
    """`sirocco run --json`."""

    def __init__(self, command):
        self.lines = Lines(command)

    def reply(self, messages, tools, choice):
        """The assistant's message and no error, or nothing and the error."""
        self.lines.send({"messages": messages, "tools": tools, "tool_choice": choice})
        response = self.lines.receive()
        if "message" not in response:
            return None, json.dumps(response.get("error", response), ensure_ascii=False)
        return response["message"], None


def same(a, b):
    """Equality of JSON values: 1 and 1.0 are equal, true and 1 are not."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return a == b
    if type(a) is not type(b):
        return False
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return a == b


TYPES = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value),
}
ANNOTATIONS = {"description", "title", "default", "examples", "$schema"}


def faults(value, schema, place=""):
    """Where a value breaks its schema. A second opinion, independent of the program under test; keywords beyond these rows' are refused."""
    for keyword, wanted in schema.items():
        if keyword == "type":
            names = wanted if isinstance(wanted, list) else [wanted]
            if not any(TYPES[name](value) for name in names):
                yield f"{place or '/'}: not of type {wanted}"
        elif keyword == "enum":
            if not any(same(value, one) for one in wanted):
                yield f"{place or '/'}: not one of {wanted}"
        elif keyword == "const":
            if not same(value, wanted):
                yield f"{place or '/'}: not {wanted}"
        elif keyword == "properties":
            if isinstance(value, dict):
                for key in wanted.keys() & value.keys():
                    yield from faults(value[key], wanted[key], f"{place}/{key}")
        elif keyword == "required":
            if isinstance(value, dict):
                for key in wanted:
                    if key not in value:
                        yield f"{place}/{key}: missing"
        elif keyword == "additionalProperties":
            if wanted is False and isinstance(value, dict):
                for key in value.keys() - schema.get("properties", {}).keys():
                    yield f"{place}/{key}: not allowed"
            elif not isinstance(wanted, bool):
                raise Broken("the rows' schemas use additionalProperties in a way that this script does not check")
        elif keyword == "items":
            if isinstance(value, list):
                for index, element in enumerate(value):
                    yield from faults(element, wanted, f"{place}/{index}")
        elif keyword == "anyOf":
            if all(any(True for _ in faults(value, one, place)) for one in wanted):
                yield f"{place or '/'}: fits no alternative"
        elif keyword not in ANNOTATIONS:
            raise Broken(f"the rows' schemas use {keyword}, which this script does not check")


class Outcome:
    """What became of one row."""

    def __init__(self, valid, exact, answer):
        self.valid, self.exact, self.answer = valid, exact, answer


def run_extract(row, tools):
    result, error = tools.call("extract", {"text": row["text"], "schema": row["schema"]})
    if error is not None:
        return Outcome(False, False, error)
    data = result["data"]
    broken = list(faults(data, row["schema"]))
    return Outcome(not broken, same(data, row["expected"]), broken or data)


def run_classify(row, tools):
    result, error = tools.call("classify", {"text": row["text"], "labels": row["labels"]})
    if error is not None:
        return Outcome(False, False, error)
    return Outcome(result["label"] in row["labels"], result["label"] == row["expected"], result)


def calls_of(message):
    """The calls of an assistant message as (name, arguments)."""
    calls = []
    for call in message.get("tool_calls") or []:
        function = call.get("function", call)
        arguments = function["arguments"]
        calls.append((function["name"], json.loads(arguments) if isinstance(arguments, str) else arguments))
    return calls


def declared(calls, tools):
    """Whether every call is of a declared tool, with arguments that its schema accepts."""
    schemas = {tool["function"]["name"]: tool["function"]["parameters"] for tool in tools}
    return all(name in schemas and not list(faults(arguments, schemas[name])) for name, arguments in calls)


def expected_calls(calls, wanted):
    return len(calls) == 1 and calls[0][0] == wanted["name"] and same(calls[0][1], wanted["arguments"])


def run_tool(row, chat):
    message, error = chat.reply(row["messages"], row["tools"], "required")
    if error is not None:
        return Outcome(False, False, error)
    calls = calls_of(message)
    return Outcome(bool(calls) and declared(calls, row["tools"]), expected_calls(calls, row["expected"]), message)


def run_agent(row, chat):
    """Turn by turn; a turn that is not as expected ends the row, since the recorded results would no longer be its answers."""
    messages = list(row["messages"])
    for step in row["steps"]:
        message, error = chat.reply(messages, row["tools"], "auto")
        if error is not None:
            return Outcome(False, False, error)
        calls = calls_of(message)
        if not declared(calls, row["tools"]):
            return Outcome(False, False, message)
        if not expected_calls(calls, step["call"]) or message.get("content"):
            return Outcome(True, False, message)
        messages.append(message)
        messages.append({"role": "tool", "tool_call_id": message["tool_calls"][0].get("id"), "content": step["result"]})
    message, error = chat.reply(messages, row["tools"], "auto")
    if error is not None:
        return Outcome(False, False, error)
    calls = calls_of(message)
    return Outcome(declared(calls, row["tools"]), not calls and message.get("content") == row["final"], message)


def read_card(path):
    """The card's percentages under the grammar: by kind, by hand-written rows of a kind, and by pattern."""
    kinds, hand, patterns = {}, {}, {}
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) == 7 and cells[0] in KINDS:
            kinds[cells[0]] = float(cells[3].rstrip(" %"))
            if cells[6].endswith("%"):
                hand[cells[0]] = float(cells[6].rstrip(" %"))
    listing = re.search(r"By pattern, under the grammar: ([^)]*)\.\)", text)
    for name, percent in re.findall(r"(\w+) (\d+(?:\.\d+)?) %", listing.group(1) if listing else ""):
        patterns[name] = float(percent)
    if sorted(kinds) != sorted(KINDS):
        raise Broken(f"{path}: the table of results was not found")
    return kinds, hand, patterns


def tally(outcomes):
    rows = len(outcomes)
    return {
        "rows": rows,
        "exact": 100 * sum(outcome.exact for outcome in outcomes) / rows,
        "valid": 100 * sum(outcome.valid for outcome in outcomes) / rows,
    }


def line(name, result, card):
    difference = "" if card is None else f"{round(result['exact'] - card, 1) + 0.0:+8.1f}"
    shown = "       –" if card is None else f"{card:6.1f} %"
    return f"{name:28}{result['rows']:5}  {result['exact']:6.1f} %  {result['valid']:6.1f} %  {shown}  {difference}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("rows", help="eval.jsonl; the card is README.md beside it")
    parser.add_argument("--sirocco", default=".build/release/sirocco", help="the program (default: %(default)s)")
    parser.add_argument("--model", help="the model to judge (default: the embedded one)")
    parser.add_argument("--kinds", default=",".join(KINDS), help="only these kinds, comma-separated")
    parser.add_argument("--wrong", action="store_true", help="also print each row that is not exact")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    options = parser.parse_args()

    kinds = options.kinds.split(",")
    if not set(kinds) <= set(KINDS):
        parser.error(f"--kinds: known are {', '.join(KINDS)}")
    card_kinds, card_hand, card_patterns = read_card(os.path.join(os.path.dirname(options.rows) or ".", "README.md"))
    with open(options.rows, encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["kind"] in kinds]
    if not rows:
        raise Broken(f"{options.rows}: no rows")
    model = ["--model", options.model] if options.model else []
    tools = Tools([options.sirocco, "mcp", *model]) if {"extract", "classify"} & set(kinds) else None
    chat = Chat([options.sirocco, "run", "--json", *model]) if {"tool", "agent"} & set(kinds) else None
    runners = {
        "extract": lambda row: run_extract(row, tools), "classify": lambda row: run_classify(row, tools),
        "tool": lambda row: run_tool(row, chat), "agent": lambda row: run_agent(row, chat),
    }

    started = time.monotonic()
    by_kind, by_source = collections.defaultdict(list), collections.defaultdict(list)
    for number, row in enumerate(rows):
        outcome = runners[row["kind"]](row)
        by_kind[row["kind"]].append(outcome)
        by_source[row["kind"], row["source"]].append(outcome)
        if options.wrong and not outcome.exact:
            wanted = row.get("expected", {"steps": row.get("steps"), "final": row.get("final")})
            print(json.dumps({"row": number, "kind": row["kind"], "expected": wanted, "answer": outcome.answer}, ensure_ascii=False), file=sys.stderr)
        if sys.stderr.isatty():
            print(f"\r{number + 1} of {len(rows)}", end="", file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)
    seconds = time.monotonic() - started
    for child in (tools, chat):
        if child:
            child.lines.close()

    results = {kind: tally(by_kind[kind]) for kind in kinds if by_kind[kind]}
    complaints = []
    if "extract" in results and any(not outcome.valid for outcome in by_kind["extract"]):
        complaints.append(f"{sum(not outcome.valid for outcome in by_kind['extract'])} extract answers are not valid under their schemas")
    for kind, result in results.items():
        # The card's figures are rounded to a tenth of a point.
        if result["exact"] < card_kinds[kind] - 1 - 0.05:
            complaints.append(f"{kind}: {card_kinds[kind] - result['exact']:.1f} points below the card")

    if options.json:
        sources = [{"kind": kind, "source": source, **tally(outcomes)} for (kind, source), outcomes in sorted(by_source.items())]
        print(json.dumps({"kinds": results, "card": card_kinds, "sources": sources, "seconds": round(seconds, 1), "complaints": complaints}))
    else:
        print(f"{'kind':28}{'rows':>5}  {'exact':>8}  {'valid':>8}  {'card':>8}  {'points':>8}")
        for kind, result in results.items():
            print(line(kind, result, card_kinds[kind]))
        print()
        print(f"{'source':28}{'rows':>5}  {'exact':>8}  {'valid':>8}  {'card':>8}  {'points':>8}")
        for (kind, source), outcomes in sorted(by_source.items()):
            card = card_hand.get(kind) if source == "hand" else card_patterns.get(source)
            print(line(f"{kind} / {source}", tally(outcomes), card))
        print(f"\n{len(rows)} rows in {seconds:.1f} s")
        for complaint in complaints:
            print(complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Broken, OSError) as error:
        print(f"eval: {error}", file=sys.stderr)
        sys.exit(2)
