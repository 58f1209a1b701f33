"""The command line's instruments, checked from outside: logits, tokens, templates, inspection, errors and exit statuses."""
import json
import os
import resource
import shutil
import signal
import stat
import struct
import subprocess
import tempfile
import unittest

import numpy

from support import ROOT, SIROCCO, shared, sirocco

BREEZE = os.path.join(ROOT, "models", "breeze")


def safetensors(path):
    """The F32 and I64 tensors of a safetensors file."""
    with open(path, "rb") as file:
        data = file.read()
    (size,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + size])
    types = {"F32": "<f4", "I64": "<i8", "I32": "<i4"}
    tensors = {}
    for name, tensor in header.items():
        if name != "__metadata__" and tensor["dtype"] in types:
            start, end = tensor["data_offsets"]
            tensors[name] = numpy.frombuffer(data[8 + size + start : 8 + size + end], types[tensor["dtype"]]).reshape(tensor["shape"])
    return tensors


def logits(model, ids, greedy):
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "out.safetensors")
        arguments = ["logits", *([model] if model else []), "--ids", ",".join(map(str, ids)), "--greedy", str(greedy), "-o", out]
        process = sirocco(*arguments, stdin=subprocess.DEVNULL)
        assert process.returncode == 0, process.stderr
        return safetensors(out)


class LostModel(unittest.TestCase):
    def test_a_model_file_that_shrinks_ends_the_program_with_a_sentence(self):
        with tempfile.TemporaryDirectory() as directory:
            model = os.path.join(directory, "model")
            shutil.copytree(BREEZE, model)
            process = subprocess.Popen(
                [SIROCCO, "run", "--json", "--model", model], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            request = json.dumps({"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 8}) + "\n"
            process.stdin.write(request)
            process.stdin.flush()
            self.assertIn("message", json.loads(process.stdout.readline()))
            os.truncate(os.path.join(model, "model.safetensors"), 4096)
            _, errors = process.communicate(request, timeout=60)
            self.assertEqual(process.returncode, 128 + signal.SIGBUS, errors)
            self.assertIn("a model file changed while it was in use", errors)


class Instruments(unittest.TestCase):
    def test_logits_of_the_embedded_model(self):
        golden = safetensors(shared("models", "breeze", "golden.safetensors"))
        with open(shared("models", "breeze", "golden.json")) as file:
            cases = json.load(file)
        for case in cases:
            out = logits(BREEZE, case["input_ids"], len(case["greedy_ids"]))
            self.assertLess(numpy.abs(out["logits"] - golden[case["name"] + ".logits"]).max(), 1e-3)
            self.assertEqual(out["gen_ids"].tolist(), case["greedy_ids"])

    def test_logits_of_the_families(self):
        with open(shared("fixtures", "families", "index.json")) as file:
            index = json.load(file)
        rows = {row["path"]: row for row in index}
        for family in ["llama", "llama_bias", "llama_rope_llama3", "llama_rope_linear", "llama_rope_yarn", "mistral", "qwen2", "qwen3"]:
            with self.subTest(family=family):
                folder = shared("fixtures", "families", family)
                golden = safetensors(os.path.join(folder, "golden.safetensors"))
                out = logits(folder, golden["input_ids"].ravel().tolist(), len(golden["gen_ids"]))
                tolerance = rows[family]["tolerance"]
                self.assertLess(numpy.abs(out["logits"] - golden["logits"]).max(), tolerance)
                self.assertLess(numpy.abs(out["gen_logits"] - golden["gen_logits"]).max(), tolerance)
                self.assertEqual(out["gen_ids"].tolist(), golden["gen_ids"].tolist())

    def test_tokenize_and_back(self):
        text = "<|im_start|>user\nÉté 😀 12<|im_end|>"
        plain = json.loads(sirocco("tokenize", BREEZE, "--json", input=text).stdout)
        special = json.loads(sirocco("tokenize", BREEZE, "--special", "--json", input=text).stdout)
        self.assertNotIn(1, plain["ids"])
        self.assertEqual(special["ids"][0], 1)
        for ids in (plain["ids"], special["ids"]):
            self.assertEqual(sirocco("detokenize", BREEZE, "--special", input=" ".join(map(str, ids))).stdout, text)

    def test_render(self):
        name = "Qwen-Qwen2.5-7B-Instruct"
        with open(shared("fixtures", "templates", name, "cases.json")) as file:
            fixture = json.load(file)
        with tempfile.TemporaryDirectory() as directory:
            for case in fixture["cases"]:
                if "rendered" not in case:
                    continue
                path = os.path.join(directory, "case.json")
                with open(path, "w") as file:
                    json.dump({**case, "special_tokens": fixture["special_tokens"], "now": fixture.get("now")}, file)
                process = sirocco("render", shared("fixtures", "templates", name, "template.jinja"), "--input", path, stdin=subprocess.DEVNULL)
                self.assertEqual(process.stdout, case["rendered"], process.stderr)

    def test_inspect(self):
        process = sirocco("inspect", BREEZE, "--json", stdin=subprocess.DEVNULL)
        self.assertEqual(process.returncode, 0, process.stderr)
        report = json.loads(process.stdout)
        self.assertIn("architecture", report)
        self.assertIn("tensors", report)

    def test_bench(self):
        process = sirocco(
            "bench", "--json", "--roofline", "--runs", "2", "--prefill", "16,40", "--depth", "0,20", "--batch", "1,3", "--batch-depth", "8",
            "--generate", "4", "--verify", "3", "--thread-counts", "1,2", stdin=subprocess.DEVNULL)
        self.assertEqual(process.returncode, 0, process.stderr)
        report = json.loads(process.stdout)
        self.assertEqual(report["weight_bytes"], 5505024)
        self.assertEqual([series["threads"] for series in report["series"]], [1, 2])
        for series in report["series"]:
            kinds = [(figure["kind"], figure.get("tokens"), figure.get("depth"), figure.get("sequences")) for figure in series["figures"]]
            self.assertEqual(kinds, [
                ("prefill", 16, None, None), ("prefill", 40, None, None), ("decode", None, 0, None), ("decode", None, 20, None),
                ("batch", None, 8, 1), ("batch", None, 8, 3), ("verify", 3, 0, None), ("verify", 3, 20, None)])
            self.assertGreater(series["limits"]["read_bytes_per_second"], 0)
            for figure in series["figures"]:
                speed = figure["tokens_per_second"]
                self.assertEqual(len(speed["samples"]), 2)
                self.assertGreater(speed["median"], 0)
                self.assertGreaterEqual(speed["max"], speed["median"])
                self.assertEqual("cost_in_single_steps" in figure, figure["kind"] == "verify")
                if series["limits"]["f32_operations_per_second"]:
                    self.assertGreater(figure["fraction_of_limit"], 0)
                    self.assertGreater(figure["limit_tokens_per_second"], 0)
        self.assertGreater(report["load_seconds"]["total"], 0)

    def test_bench_for_people(self):
        process = sirocco("bench", "--runs", "1", "--prefill", "8", "--depth", "none", "--batch", "none", stdin=subprocess.DEVNULL)
        self.assertEqual(process.returncode, 0, process.stderr)
        self.assertRegex(process.stdout, r"prefill 8 +\d+\.\d")
        self.assertNotIn("decode", process.stdout)

    def test_bench_refuses_by_name(self):
        for arguments, word in [
            (["--prefill", "4000"], "--prefill 4000"), (["--depth", "2040"], "--depth 2040"), (["--batch", "0"], "--batch"), (["--prefill", "1,x"], "--prefill"),
            (["--runs", "0"], "--runs"), (["--thread-counts", "none"], "--thread-counts"), (["--thread-counts", "1", "--threads", "1"], "--threads"),
            (["--verify", "65"], "--verify"), (["--batch", "2", "--batch-depth", "2000"], "--batch 2"), (["--context", "100", "--prefill", "128"], "--prefill 128"),
        ]:
            with self.subTest(arguments=arguments):
                process = sirocco("bench", *arguments, stdin=subprocess.DEVNULL)
                self.assertNotEqual(process.returncode, 0)
                self.assertIn(word, process.stderr)
                self.assertEqual(process.stdout, "")

    def test_what_was_there_stays_until_a_file_is_whole(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
        with tempfile.TemporaryDirectory() as directory:
            path, link, pipe = (os.path.join(directory, name) for name in ["file", "link", "pipe"])
            with open(path, "w") as file:
                file.write("kept")
            os.symlink(path, link)
            os.mkfifo(pipe)
            process = sirocco("logits", "--ids", "1", "-o", path, stdin=subprocess.DEVNULL, preexec_fn=small_files)
            self.assertEqual(process.returncode, 1)
            self.assertIn("file", process.stderr)
            with open(path) as file:
                self.assertEqual(file.read(), "kept")
            self.assertEqual(sirocco("logits", "--ids", "1", "-o", link, stdin=subprocess.DEVNULL).returncode, 0)
            self.assertTrue(os.path.islink(link))
            self.assertIn("logits", safetensors(path))
            process = sirocco("quantize", BREEZE, pipe, "--type", "q8_0", stdin=subprocess.DEVNULL)
            self.assertNotEqual(process.returncode, 0)
            self.assertTrue(stat.S_ISFIFO(os.stat(pipe).st_mode))
            self.assertEqual(sorted(os.listdir(directory)), ["file", "link", "pipe"])

    def test_output_that_cannot_be_written_is_an_error(self):
        if not stat.S_ISCHR(os.stat("/dev/full").st_mode):
            self.fail("/dev/full is no device here")
        with open("/dev/full", "w") as full:
            process = subprocess.run([SIROCCO, "tokenize", BREEZE], input="Hello", stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(process.returncode, 1)
        self.assertIn("standard output: No space left on device", process.stderr)

    def test_closed_standard_streams_are_named(self):
        for descriptor, name in [(0, "input"), (1, "output")]:
            with self.subTest(name):
                process = subprocess.run(
                    ["sh", "-c", f'exec "$0" mcp {descriptor}>&-', SIROCCO], stderr=subprocess.PIPE, text=True, timeout=20)
                self.assertEqual(process.returncode, 1)
                self.assertIn(f"standard {name} is closed", process.stderr)

    def test_errors_are_named_and_have_a_status(self):
        with tempfile.TemporaryDirectory() as directory:
            broken = os.path.join(directory, "model.gguf")
            with open(broken, "wb") as file:
                file.write(b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 1))
            for arguments, words in [
                (["inspect", broken], "model.gguf"),
                (["inspect", "/no/such/file.gguf"], "/no/such/file.gguf"),
                (["run", "--model", directory, "hello"], directory),
                (["extract", "--schema", '{"type": "strin"}', "text"], "type"),
                (["extract", "--schema", "{", "text"], "JSON"),
                (["run", "--context", "268435456", "hello"], "268435456"),
                (["logits", BREEZE, "--ids", "1,99999", "-o", os.path.join(directory, "x")], "99999"),
            ]:
                with self.subTest(arguments=arguments):
                    process = sirocco(*arguments, stdin=subprocess.DEVNULL)
                    self.assertNotEqual(process.returncode, 0)
                    self.assertIn(words, process.stderr)
                    self.assertEqual(process.stdout, "")
            self.assertEqual(sirocco("--no-such-flag", stdin=subprocess.DEVNULL).returncode, 64)

    def test_a_model_that_cannot_be_loaded_is_shown_and_the_status_says_so(self):
        with tempfile.TemporaryDirectory() as directory:
            model = os.path.join(directory, "model.gguf")
            key, text = b"general.architecture", b"unheard-of"
            with open(model, "wb") as file:
                file.write(b"GGUF" + struct.pack("<IQQ", 3, 0, 1))
                file.write(struct.pack("<Q", len(key)) + key + struct.pack("<IQ", 8, len(text)) + text)
            for arguments in (["inspect", model], ["inspect", model, "--json"]):
                process = sirocco(*arguments, stdin=subprocess.DEVNULL)
                self.assertEqual(process.returncode, 1)
                self.assertIn("unheard-of", process.stdout)
                self.assertIn("unheard-of", process.stderr)

    def test_what_is_refused_is_not_announced(self):
        process = sirocco("quantize", BREEZE, "/no/such/folder/model.gguf", "--type", "q8_0", stdin=subprocess.DEVNULL)
        self.assertEqual(process.returncode, 1)
        self.assertNotIn("quantizing", process.stderr)

    def test_ctrl_c(self):
        process = subprocess.Popen([SIROCCO, "run", "--regex", "[a-z ]{1900,2000}", "Tell a story"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertTrue(process.stdout.read(1))
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(10), 130)
        process.stdout.close()
        process.stderr.close()

    def test_flags_that_would_be_ignored_are_refused(self):
        for arguments in (["run", "--json", "--system", "x"], ["run", "--json", "--schema", "x"], ["logits", BREEZE, "--ids", "1", "--greedy=-5", "-o", "/dev/null"]):
            self.assertEqual(sirocco(*arguments, input="").returncode, 64)
        answer = json.loads(sirocco("run", "--json", input='{"messages": [], "tools": {"name": "x"}}').stdout)
        self.assertIn("tools", answer["error"])

    def test_version(self):
        self.assertRegex(sirocco("--version", stdin=subprocess.DEVNULL).stdout, r"^\d+\.\d+\.\d+")


if __name__ == "__main__":
    unittest.main()
