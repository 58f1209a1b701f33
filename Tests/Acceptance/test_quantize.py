"""Quantized models from outside: files and in-place quantization agree, importance is computed and honoured, a full disk leaves nothing behind."""
import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

from support import sirocco
from test_instruments import BREEZE, safetensors


def small_files():
    """No file may grow beyond 64 KiB, and the signal for it is ignored, so that writing fails as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))


class Quantize(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        # The embedded model splits words in a way that GGUF has no name for; its weights do with GPT-2's.
        self.source = os.path.join(self.directory.name, "source")
        shutil.copytree(BREEZE, self.source)
        file = os.path.join(self.source, "tokenizer.json")
        with open(file) as stream:
            tokenizer = json.load(stream)
        tokenizer["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
        with open(file, "w") as stream:
            json.dump(tokenizer, stream)

    def path(self, name):
        return os.path.join(self.directory.name, name)

    def run_ok(self, *arguments):
        process = sirocco(*arguments, stdin=subprocess.DEVNULL)
        self.assertEqual(process.returncode, 0, process.stderr)
        return process

    def logits(self, model, *options):
        out = self.path("out.safetensors")
        self.run_ok("logits", model, "--ids", "1,20,300,4", "--greedy", "8", "-o", out, *options)
        return safetensors(out)

    def test_a_written_file_computes_what_quantizing_in_place_does(self):
        for kind in ["q8_0", "q4_k_m", "iq4_nl"]:
            with self.subTest(kind):
                model = self.path("model.gguf")
                self.run_ok("quantize", self.source, model, "--type", kind)
                with open(model, "rb") as file:
                    self.assertEqual(struct.unpack("<4sI", file.read(8)), (b"GGUF", 3))
                written, in_place = self.logits(model), self.logits(self.source, "--isq", kind)
                for name in written:
                    self.assertEqual(written[name].tobytes(), in_place[name].tobytes(), name)
                text = self.run_ok("run", "--model", model, "--temperature", "0", "--max-tokens", "8", "Classify: good")
                self.assertTrue(text.stdout)

    def test_importance(self):
        text, matrix, model = self.path("text"), self.path("i.gguf"), self.path("model.gguf")
        with open(text, "w") as file:
            file.write("The quick brown fox jumps over the lazy dog. " * 60)
        self.run_ok("imatrix", self.source, "--calibration", text, "--out", matrix, "--chunk", "64")
        process = self.run_ok("quantize", self.source, model, "--type", "q4_0", "--imatrix", matrix)
        self.assertNotIn("ffn", process.stderr)
        written, in_place = self.logits(model), self.logits(self.source, "--isq", "q4_0", "--imatrix", matrix)
        self.assertEqual(written["logits"].tobytes(), in_place["logits"].tobytes())
        self.assertNotEqual(written["logits"].tobytes(), self.logits(self.source, "--isq", "q4_0")["logits"].tobytes())

    def test_a_full_disk_leaves_nothing(self):
        model = self.path("model.gguf")
        with open(model, "w") as file:
            file.write("before")
        process = sirocco("quantize", self.source, model, "--type", "q8_0", stdin=subprocess.DEVNULL, preexec_fn=small_files)
        self.assertEqual(process.returncode, 1)
        self.assertIn("File too large", process.stderr)
        self.assertEqual(sorted(os.listdir(self.directory.name)), ["model.gguf", "source"])
        with open(model) as file:
            self.assertEqual(file.read(), "before")

    def test_what_is_refused_is_named(self):
        model = self.path("m.gguf")
        self.run_ok("quantize", self.source, model, "--type", "q8_0")
        for arguments, words in [
            (["quantize", BREEZE, self.path("x"), "--type", "q8_0"], "a pattern of words that GGUF has no name for"),
            (["quantize", self.source, self.path("x"), "--type", "iq2_xs"], "IQ2_XS"),
            (["quantize", self.source, self.path("x"), "--type", "q9"], "q9"),
            (["quantize", self.source, self.path("x"), "--type", "q8_0", "--tensor", "a(=q4_0"], "a("),
            (["quantize", self.source, self.path("x"), "--type", "q8_0", "--tensor", "a=q9"], "q9"),
            (["quantize", model, self.path("x"), "--type", "q4_0"], "--requantize"),
            (["quantize", self.source, self.path("x"), "--type", "q8_0", "--imatrix", model], "importance matrix"),
            (["logits", self.source, "--ids", "1", "-o", self.path("x"), "--requantize"], "--isq"),
        ]:
            with self.subTest(arguments=arguments):
                process = sirocco(*arguments, stdin=subprocess.DEVNULL)
                self.assertNotEqual(process.returncode, 0)
                self.assertIn(words, process.stderr)
                self.assertFalse(os.path.exists(self.path("x")))


if __name__ == "__main__":
    unittest.main()
