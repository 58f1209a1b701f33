#!/usr/bin/env python3
"""Random schemas, random samples, and an independent validator: `sirocco grammar` against the Python package jsonschema.

    grammar_twin.py --sirocco .build/release/sirocco --samples 100000 --seed 1

Each random schema is sampled with `sirocco grammar sample`; every sample must be valid for jsonschema. Then samples are mutated, judged by
jsonschema, and judged by `sirocco grammar check --lines --any-order`: the verdicts must be the same. Numbers are compared exactly (Decimal).
Exit status 1 where one verdict differs; the schema and the instance are printed.
"""
import argparse
import collections
import copy
import decimal
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from decimal import Decimal

import jsonschema

decimal.getcontext().prec = 4_000
NAMES = ["a", "b", "c", "ab", "name", "é", "x-1"]
PATTERNS = ["^[a-c]+$", "[0-9]{2}", "^(a|b)*c?$", "^x", "y$", "^[A-Z][a-z]{0,3}$", "é|ü", "^[^,]{1,4}$", "^(ab|cd){1,2}$"]
NAME_PATTERNS = ["^a", "b$", "^[a-c]{1,2}$", "x", "^[^a-z]"]
FORMATS = ["date", "ipv4", "ipv6", "uuid"]
FORMAT_CHECKER = jsonschema.FormatChecker(FORMATS)


@FORMAT_CHECKER.checks("uuid")
def is_uuid(value):
    """jsonschema reads the digits by int(), which drops blanks and line ends around them."""
    return not isinstance(value, str) or re.fullmatch("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}", value) is not None


def integer(value):
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, Decimal) and value == value.to_integral_value())


CHECKER = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: integer(value))
Validator = jsonschema.validators.extend(jsonschema.Draft202012Validator, type_checker=CHECKER)



def dumps(value):
    """JSON with decimals spelled as numbers."""
    if isinstance(value, dict):
        return "{" + ", ".join(json.dumps(key, ensure_ascii=False) + ": " + dumps(item) for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(dumps, value)) + "]"
    if isinstance(value, Decimal):
        return format(value, "f")
    return json.dumps(value, ensure_ascii=False)


def for_python(schema):
    """The schema as jsonschema should read it: ECMA's `$` is the end of the input, Python's also stands before a last line end."""
    if isinstance(schema, list):
        return [for_python(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {}
    for key, value in schema.items():
        if key == "pattern":
            out[key] = value.replace("$", "\\Z")
        elif key == "patternProperties":
            out[key] = {pattern.replace("$", "\\Z"): for_python(child) for pattern, child in value.items()}
        elif key in ("enum", "const", "required"):
            out[key] = value
        else:
            out[key] = for_python(value)
    return out


class Schemas:
    """Random schemas that something often satisfies."""

    def __init__(self, generator):
        self.random = generator
        self.definitions = {}

    def document(self):
        self.definitions = {}
        schema = self.schema(0)
        if self.definitions and isinstance(schema, dict):
            schema = {**schema, "$defs": self.definitions}
        return schema

    def chance(self, share):
        return self.random.random() < share

    def number(self):
        r = self.random
        return r.choice([r.randint(-5, 20), r.randint(-1000, 1000), Decimal(r.randint(-400, 400)) / 100, Decimal(r.randint(-9, 9)) / 2])

    def value(self, depth=0):
        r = self.random
        kind = r.randrange(7 if depth < 2 else 5)
        if kind == 0:
            return r.choice([None, True, False])
        if kind in (1, 2):
            return self.number()
        if kind in (3, 4):
            return self.string()
        if kind == 5:
            return [self.value(depth + 1) for _ in range(r.randint(0, 3))]
        return {name: self.value(depth + 1) for name in r.sample(NAMES, r.randint(0, 3))}

    def string(self):
        r = self.random
        return r.choice(["", "a", "abc", "x12", "Maria", "é", "abab", "2024-02-29", "10.0.0.1", "a\"b", "line\nend", "y", "99", "😀"])

    def schema(self, depth):
        r = self.random
        kinds = ["integer", "number", "string", "string", "array", "object", "object", "enum", "const", "anyOf", "oneOf", "allOf", "not", "if", "mixed", "any", "ref"]
        if depth >= 3:
            kinds = ["integer", "number", "string", "enum", "const", "any"]
        return getattr(self, "make_" + r.choice(kinds).replace("if", "conditional").replace("not", "negation"))(depth)

    def make_any(self, depth):
        return self.random.choice([True, {}, {"type": self.random.sample(["null", "boolean", "integer", "number", "string"], 2)}])

    def make_integer(self, depth):
        return {"type": "integer", **self.bounds()}

    def make_number(self, depth):
        return {"type": "number", **self.bounds()}

    def bounds(self):
        r, out = self.random, {}
        low = self.number()
        if self.chance(0.5):
            out[r.choice(["minimum", "exclusiveMinimum"])] = low
        if self.chance(0.5):
            out[r.choice(["maximum", "exclusiveMaximum"])] = low + abs(self.number()) + (1 if out else 0)
        if self.chance(0.3):
            out["multipleOf"] = r.choice([2, 3, 5, 7, Decimal("0.01"), Decimal("0.5"), Decimal("1.5"), Decimal("2.5")])
        return out

    def make_string(self, depth):
        r, out = self.random, {"type": "string"}
        if self.chance(0.4):
            out["maxLength"] = r.randint(1, 12)
        if self.chance(0.3):
            out["minLength"] = r.randint(0, 3)
        if self.chance(0.3):
            out["pattern"] = r.choice(PATTERNS)
        elif self.chance(0.15):
            out = {"type": "string", "format": r.choice(FORMATS)}
        return out

    def make_array(self, depth):
        r, out = self.random, {"type": "array"}
        if self.chance(0.7):
            out["items"] = self.schema(depth + 1)
        if self.chance(0.3):
            out["prefixItems"] = [self.schema(depth + 1) for _ in range(r.randint(1, 2))]
        if self.chance(0.4):
            out["minItems"] = r.randint(0, 3)
        if self.chance(0.5):
            out["maxItems"] = out.get("minItems", 0) + r.randint(0, 4)
        if self.chance(0.25):
            out["contains"] = self.schema(depth + 2)
            if self.chance(0.4):
                out["minContains"] = r.randint(0, 2)
            if self.chance(0.4):
                out["maxContains"] = out.get("minContains", 1) + r.randint(0, 2)
        if self.chance(0.15):
            out["uniqueItems"] = True
        if self.chance(0.1):
            out["unevaluatedItems"] = self.schema(depth + 2)
        return out

    def make_object(self, depth):
        r, out = self.random, {"type": "object"}
        names = r.sample(NAMES, r.randint(0, 4))
        if names:
            out["properties"] = {name: self.schema(depth + 1) for name in names}
        if self.chance(0.6):
            out["required"] = r.sample(NAMES, r.randint(0, 1)) + [name for name in names if self.chance(0.4)]
            out["required"] = list(dict.fromkeys(out["required"]))
        if self.chance(0.5):
            out["additionalProperties"] = r.choice([False, self.schema(depth + 2)])
        if self.chance(0.25):
            out["patternProperties"] = {r.choice(NAME_PATTERNS): self.schema(depth + 2)}
        if self.chance(0.15):
            out["propertyNames"] = r.choice([{"maxLength": 4}, {"pattern": "^[a-e]"}, {"enum": NAMES[:4]}])
        if self.chance(0.2):
            out["minProperties"] = r.randint(0, 3)
        if self.chance(0.2):
            out["maxProperties"] = out.get("minProperties", 0) + r.randint(0, 3)
        if self.chance(0.15):
            out["dependentRequired"] = {r.choice(NAMES): [r.choice(NAMES)]}
        if self.chance(0.1):
            out["dependentSchemas"] = {r.choice(NAMES): self.schema(depth + 2)}
        if self.chance(0.1):
            out["unevaluatedProperties"] = False
        return out

    def make_enum(self, depth):
        return {"enum": [self.value() for _ in range(self.random.randint(1, 5))]}

    def make_const(self, depth):
        return {"const": self.value()}

    def list(self, keyword, depth):
        return {keyword: [self.schema(depth + 1) for _ in range(self.random.randint(1, 3))]}

    def make_anyOf(self, depth):
        return self.list("anyOf", depth)

    def make_oneOf(self, depth):
        return self.list("oneOf", depth)

    def make_allOf(self, depth):
        base = self.schema(depth + 1)
        return {"allOf": [base, {key: value for key, value in base.items() if key in ("type", "properties")} if isinstance(base, dict) else True, {"not": self.make_const(depth)}]}

    def make_negation(self, depth):
        kind = self.random.choice([["string"], ["integer", "string"], ["array", "null"], ["object"]])
        return {"type": kind, "not": self.schema(depth + 1)}

    def make_conditional(self, depth):
        out = {"if": self.schema(depth + 2), "then": self.schema(depth + 1)}
        if self.chance(0.7):
            out["else"] = self.schema(depth + 1)
        return out

    def make_mixed(self, depth):
        out = {}
        for part in (self.make_string, self.make_integer, self.make_array):
            out.update({key: value for key, value in part(depth + 1).items() if key != "type"})
        out["type"] = self.random.sample(["null", "boolean", "integer", "number", "string", "array", "object"], 3)
        return out

    def make_ref(self, depth):
        name = self.random.choice(["p", "q"])
        if name not in self.definitions:
            self.definitions[name] = True
            self.definitions[name] = self.schema(depth + 1)
        out = {"$ref": "#/$defs/" + name}
        if self.chance(0.3):
            out["type"] = self.random.sample(["null", "boolean", "integer", "number", "string", "array", "object"], 4)
        return out


def mutate(r, value, schemas):
    """The value with one random change somewhere."""
    places = []

    def walk(node, path):
        places.append(path)
        for key, child in node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else []:
            walk(child, path + [key])

    walk(value, [])
    path = r.choice(places)
    out = copy.deepcopy(value)
    node, parent = out, None
    for key in path:
        parent, node = node, node[key]
    if isinstance(node, dict) and r.random() < 0.8:
        if node and r.random() < 0.5:
            del node[r.choice(list(node))]
        else:
            node[r.choice(NAMES)] = schemas.value(1)
        return out
    if isinstance(node, list) and r.random() < 0.8:
        if node and r.random() < 0.5:
            node.pop(r.randrange(len(node)))
        else:
            node.insert(r.randint(0, len(node)), copy.deepcopy(r.choice(node)) if node and r.random() < 0.5 else schemas.value(1))
        return out
    if isinstance(node, str) and r.random() < 0.7:
        place = r.randint(0, len(node))
        new = node[:place] + r.choice(["", "a", "0", "é", "Z", "\n"]) + node[place + r.randint(0, 1):]
    elif isinstance(node, (int, Decimal)) and not isinstance(node, bool) and r.random() < 0.7:
        new = node + r.choice([1, -1, Decimal("0.5"), Decimal("0.01"), 100])
    else:
        new = schemas.value(1)
    if parent is None:
        return new
    parent[path[-1]] = new
    return out


def parsed(line):
    return json.loads(line, parse_float=Decimal)


def deep(value, levels=0):
    """Numbers that Python would spell too long to be worth trying."""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        return len(format(Decimal(value), "f")) > 30
    if isinstance(value, dict):
        return any(map(deep, value.values()))
    return isinstance(value, list) and any(map(deep, value))


class Run:
    def __init__(self, arguments):
        self.sirocco = arguments.sirocco
        self.arguments = arguments
        self.counts = collections.Counter()
        self.refusals = collections.Counter()
        self.rows = []

    def fail(self, what, schema, instance, detail=""):
        self.counts["wrong"] += 1
        print(f"{what}\n  schema   {dumps(schema)}\n  instance {instance}\n  {detail}", flush=True)

    def one(self, seed):
        r = random.Random(seed)
        schemas = Schemas(r)
        schema = schemas.document()
        validator = Validator(for_python(schema), format_checker=FORMAT_CHECKER)
        command = [self.sirocco, "grammar", "sample", "-", "--count", str(self.arguments.each), "--seed", str(seed), "--max-bytes", "400"]
        if r.random() < 0.5:
            command.append("--any-order")
        process = subprocess.run(command, input=dumps(schema), capture_output=True, text=True)
        if process.returncode not in (0, 2):
            return self.fail(f"status {process.returncode} (seed {seed})", schema, "", process.stderr[-400:])
        if process.returncode == 2:
            self.counts["unsatisfiable" if "nothing can satisfy" in process.stderr else "refused"] += 1
            self.refusals[process.stderr.strip().split(": ")[-1][:70]] += "nothing can satisfy" not in process.stderr
            if "nothing can satisfy" in process.stderr:
                tries = [schemas.value() for _ in range(40)]
                for instance in tries:
                    if validator.is_valid(instance):
                        self.fail(f"not unsatisfiable (seed {seed})", schema, dumps(instance), process.stderr.strip())
                        break
            return None
        self.counts["schemas"] += 1
        samples = [parsed(line) for line in process.stdout.strip("\n").split("\n")]
        for instance, line in zip(samples, process.stdout.strip("\n").split("\n")):
            self.counts["samples"] += 1
            error = next(validator.iter_errors(instance), None)
            if error is not None:
                self.fail(f"an invalid sample (seed {seed})", schema, line, error.message)
                break
        tests = []
        for _ in range(self.arguments.mutants):
            instance = mutate(r, r.choice(samples), schemas)
            if not deep(instance):
                tests.append({"data": instance, "valid": validator.is_valid(instance)})
        if tests:
            self.rows.append({"name": f"seed {seed}", "schema": schema, "tests": tests})

    def mutants(self):
        """The verdicts on what was mutated, all schemas in one process."""
        with tempfile.NamedTemporaryFile("w", suffix=".jsonl", delete=False) as file:
            file.writelines(dumps(row) + "\n" for row in self.rows)
        process = subprocess.run([self.sirocco, "grammar", "check", "--lines", file.name, "--any-order", "--json"], capture_output=True, text=True)
        os.unlink(file.name)
        outcomes = [json.loads(line) for line in process.stdout.strip("\n").split("\n")][:-1]
        if len(outcomes) != len(self.rows):
            raise SystemExit(f"check --lines ended with status {process.returncode}: {process.stderr[-400:]}")
        for row, outcome in zip(self.rows, outcomes):
            if outcome["status"] != "exact":
                self.fail(f"sampled but not compiled in any order ({row['name']})", row["schema"], "", outcome.get("error", ""))
                continue
            for test, verdict in zip(row["tests"], outcome["instances"]):
                self.counts["valid mutants" if test["valid"] else "invalid mutants"] += 1
                if verdict["accepted"] != test["valid"]:
                    self.fail(f"{'accepted' if verdict['accepted'] else 'rejected'} ({row['name']})", row["schema"], dumps(test["data"]), f"died at {verdict.get('died_at')}")
                    break
        self.rows = []

    def all(self):
        seed = self.arguments.seed
        while self.counts["samples"] < self.arguments.samples and self.counts["wrong"] < self.arguments.stop:
            self.one(seed)
            seed += 1
            if len(self.rows) >= 100:
                self.mutants()
                print(f"seed {seed}: {dict(self.counts)}", file=sys.stderr, flush=True)
        self.mutants()
        print(f"seeds {self.arguments.seed} to {seed - 1}: {dict(self.counts)}")
        for reason, count in self.refusals.most_common(12):
            if count:
                print(f"  refused {count}: {reason}")
        return self.counts["wrong"] == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sirocco", default=".build/release/sirocco")
    parser.add_argument("--samples", type=int, default=2_000, help="samples in all")
    parser.add_argument("--each", type=int, default=50, help="samples a schema")
    parser.add_argument("--mutants", type=int, default=25, help="mutants a schema")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stop", type=int, default=20, help="end after so many differences")
    raise SystemExit(0 if Run(parser.parse_args()).all() else 1)


if __name__ == "__main__":
    main()
