"""Every command of the README runs, as it stands there."""
import os
import re
import subprocess
import unittest

from support import ROOT


class Readme(unittest.TestCase):
    def test_commands(self):
        with open(os.path.join(ROOT, "README.md")) as file:
            blocks = re.findall(r"```sh\n(.*?)```", file.read(), re.S)
        self.assertGreater(len(blocks), 10)
        for block in blocks:
            # `make test` is what runs this; `make eval` is test_eval.py's.
            if block.strip() in ("make test", "make eval"):
                continue
            with self.subTest(block.strip()):
                process = subprocess.run(["bash", "-euo", "pipefail", "-c", block], cwd=ROOT, capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL)
                self.assertEqual(process.returncode, 0, process.stdout + process.stderr)

    def test_no_machine_is_named(self):
        tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout.splitlines()
        # Where this clone lies, and where people's files lie.
        places = "|".join(["/root/", "/home/", re.escape(os.path.dirname(ROOT) + "/")])
        pattern = re.compile(rf"(?<![\w.])({places})")
        for path in tracked:
            if path.endswith((".safetensors", ".gguf")) or path == "Tests/Acceptance/test_readme.py":
                continue
            full = os.path.join(ROOT, path)
            if os.path.islink(full) or not os.path.exists(full):
                continue
            with open(full, encoding="utf-8", errors="replace") as file:
                self.assertIsNone(pattern.search(file.read()), path)


if __name__ == "__main__":
    unittest.main()
