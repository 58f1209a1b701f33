"""sirocco grammar, from outside: verdicts and where texts die, lines of schemas with their tests, samples, explanations, exit statuses."""
import decimal
import json
import os
import random
import tempfile
import unittest

import jsonschema

from support import shared, sirocco

ORDER = {
    "type": "object",
    "properties": {
        "customer": {"type": "string", "maxLength": 20},
        "items": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"enum": ["lamp", "chair", 3, None]}},
        "total": {"type": "number", "minimum": 0, "multipleOf": 0.01},
        "when": {"type": "string", "format": "date"},
    },
    "required": ["customer", "items"],
    "additionalProperties": False,
}


class Grammar(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, name, content):
        path = os.path.join(self.folder.name, name)
        with open(path, "w") as file:
            file.write(content if isinstance(content, str) else json.dumps(content))
        return path

    def test_check(self):
        schema = self.file("order.json", ORDER)
        good = self.file("good.json", json.dumps({"customer": "Tom", "items": ["lamp", 3], "total": 1.5}, indent=2) + "\n")
        bad = self.file("bad.json", '{\n  "customer": "Tom",\n  "items": ["lump"]\n}')
        process = sirocco("grammar", "check", schema, good)
        self.assertEqual((process.returncode, process.stdout), (0, f"{good}: accepted\n"), process.stderr)
        process = sirocco("grammar", "check", schema, good, bad)
        self.assertEqual(process.returncode, 1)
        self.assertIn("line 3, column 15", process.stdout)
        self.assertIn('    "items": ["lump"]\n                  ^\n', process.stdout)
        self.assertIn("expected: ‘amp", process.stdout)
        process = sirocco("grammar", "check", schema, "-", "--json", input='{"items": [3], "customer": "Tom"}')
        self.assertEqual(process.returncode, 1)
        self.assertEqual(json.loads(process.stdout)["byte"], 2)
        self.assertEqual(sirocco("grammar", "check", schema, "-", "--any-order", input='{"items": [3], "customer": "Tom"}').returncode, 0)

    def test_every_syntax(self):
        tag = {"type": "structural_tag", "format": {"type": "tag", "begin": "<a>", "content": {"type": "json_schema", "json_schema": {"type": "integer"}}, "end": "</a>"}}
        for name, grammar, good, bad in [
            ("g.lark", 'start: "a" NUMBER\nNUMBER: /[0-9]+/\n', "a12", "a"),
            ("g.gbnf", 'root ::= "a" [0-9]+\n', "a12", "ab"),
            ("g.ebnf", 'root ::= "a" [0-9]+\n', "a12", "ab"),
            ("g.regex", "a[0-9]+\n", "a12", "a12\n"),
            ("g.json", tag, "<a>12</a>", "<a>x</a>"),
        ]:
            with self.subTest(name):
                path = self.file(name, grammar)
                self.assertEqual(sirocco("grammar", "check", path, "-", input=good).returncode, 0)
                self.assertEqual(sirocco("grammar", "check", path, "-", input=bad).returncode, 1)
                samples = sirocco("grammar", "sample", path, "--count", "5", "--seed", "1", "--json")
                self.assertEqual(samples.returncode, 0, samples.stderr)
                for line in samples.stdout.strip("\n").split("\n"):
                    self.assertEqual(sirocco("grammar", "check", path, "-", input=json.loads(line)).returncode, 0, line)
                self.assertEqual(sirocco("grammar", "explain", path).returncode, 0)
        self.assertEqual(sirocco("grammar", "check", "-", "--syntax", "re2", input="a+").returncode, 0)

    def test_errors(self):
        remote = self.file("remote.json", {"$ref": "https://example.com/x"})
        for arguments, text, words in [
            (["check", "/no/such.json"], None, "/no/such.json"),
            (["check", "-"], '{"type":', "not JSON"),
            (["check", remote], None, "$ref"),
            (["sample", self.file("x.unknown", "a")], None, "--syntax"),
            (["check", "--lines", self.file("x.jsonl", '{"schema": true}\n{"tests": []}\n')], None, "line 2"),
            (["sample", self.file("s.json", {"type": "string", "minLength": 50}), "--max-bytes", "20"], None, "shortest has 52"),
        ]:
            with self.subTest(words):
                process = sirocco("grammar", *arguments, input=text)
                self.assertEqual(process.returncode, 2)
                self.assertIn(words, process.stderr)
        self.assertEqual(sirocco("grammar", "explain", remote).returncode, 1)
        self.assertEqual(sirocco("grammar", "check").returncode, 64)

    def test_lines(self):
        lines = self.file(
            "lines.jsonl",
            "".join(
                json.dumps(row) + "\n"
                for row in [
                    {"name": "one", "schema": {"type": "integer", "minimum": 3}, "tests": [{"data": 4, "valid": True}, {"data": 2, "valid": False}]},
                    {"name": "two", "schema": {"$ref": "https://example.com/x"}, "tests": [{"data": 4, "valid": True}]},
                    {"name": "three", "schema": {"type": "integer", "maximum": 3, "minimum": 4}, "tests": [{"data": 4, "valid": False}]},
                ]
            ),
        )
        process = sirocco("grammar", "check", "--lines", lines, "--json", "--each", "--any-order", "--tokenizer", shared("fixtures", "tokenizers", "llama3", "tokenizer.json"))
        self.assertEqual(process.returncode, 0, process.stderr)
        one, two, three, summary = map(json.loads, process.stdout.strip("\n").split("\n"))
        self.assertEqual([row["status"] for row in (one, two, three)], ["exact", "refused", "unsatisfiable"])
        self.assertEqual([instance["accepted"] for instance in one["instances"]], [True, False])
        self.assertEqual((two["pointer"], two["keyword"]), ("/$ref", "$ref"))
        self.assertEqual(len(one["mask_ns"]), 2)
        self.assertEqual(summary["summary"]["right"], 3)
        wrong = self.file("wrong.jsonl", json.dumps({"schema": {"type": "integer"}, "tests": [{"data": "a", "valid": True}]}))
        self.assertEqual(sirocco("grammar", "check", "--lines", wrong).returncode, 1)

    def test_sample_agrees_with_jsonschema(self):
        seed = random.randrange(1 << 30)
        process = sirocco("grammar", "sample", self.file("order.json", ORDER), "--count", "200", "--seed", str(seed), "--max-bytes", "300")
        self.assertEqual(process.returncode, 0, process.stderr)
        # Decimals: by binary floating point 9.2 is no multiple of 0.01.
        schema = json.loads(json.dumps(ORDER), parse_float=decimal.Decimal)
        validator = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())
        for line in process.stdout.strip("\n").split("\n"):
            self.assertLessEqual(len(line.encode()), 300)
            self.assertTrue(validator.is_valid(json.loads(line, parse_float=decimal.Decimal)), f"seed {seed}: {line}")

    def test_explain(self):
        process = sirocco("grammar", "explain", self.file("order.json", {**ORDER, "requird": []}), "--json")
        self.assertEqual(process.returncode, 0, process.stderr)
        report = json.loads(process.stdout)
        self.assertEqual((report["status"], report["annotations"][0]["pointer"]), ("exact", "/requird"))
        self.assertIn('did you mean "required"?', report["annotations"][0]["reason"])
        self.assertGreater(report["sizes"]["nodes"], 10)

    def test_what_constrains_nothing_is_noted(self):
        schema = {"type": "object", "properties": {"name": {"type": "string", "minLenght": 2, "nullable": True, "x-ours": 1}}, "title": "t"}
        path = self.file("odd.json", schema)
        for arguments, status in (
            (("grammar", "check", path), 0), (("extract", "--schema", path, "Ada"), 0), (("run", "--schema", path, "Ada"), 0),
        ):
            with self.subTest(arguments[0]):
                process = sirocco(*arguments)
                self.assertEqual(process.returncode, status, process.stderr)
                notes = [line for line in process.stderr.splitlines() if line.startswith("note: ")]
                self.assertEqual(len(notes), 2, process.stderr)
                self.assertIn("/properties/name/minLenght", notes[0])
                self.assertIn('did you mean "minLength"?', notes[0])
                self.assertIn("/properties/name/nullable", notes[1])


if __name__ == "__main__":
    unittest.main()
