"""The embedded model over its evaluation rows: no invalid answer, and no kind more than a point below its card."""
import os
import subprocess
import unittest

from support import PYTHON, ROOT, SIROCCO, shared


class Evaluation(unittest.TestCase):
    def test_card(self):
        rows = shared("models", "breeze", "eval.jsonl")
        process = subprocess.run(
            [PYTHON, os.path.join(ROOT, "Benchmarks", "eval.py"), "--sirocco", SIROCCO, rows], capture_output=True, text=True, timeout=1200
        )
        print(process.stdout)
        self.assertEqual(process.returncode, 0, process.stderr)


if __name__ == "__main__":
    unittest.main()
