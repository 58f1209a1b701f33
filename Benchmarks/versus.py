#!/usr/bin/env python3
"""Runs Sirocco and its peers on the same model files, in turn, and prints their speeds side by side.

    python3 Benchmarks/versus.py [--sirocco PATH] [--llama DIRECTORY] [--mistral PYTHON] [--rounds 5] [--threads 2]
        [--prefill 128,512,2048] [--depth 0,512,2048] [--batch 1,4,8,16] [--busy] [--json FILE] [--write docs/performance.md] MODEL.gguf ...

A round runs every engine once on a model, one after the other, and the next round begins again with the first (A B C, A B C, ...); a figure is the
median over the rounds. Engines:

  sirocco            `sirocco bench` and `sirocco run`
  llama.cpp          llama-bench, llama-batched-bench and llama-completion from DIRECTORY (built from the llama-cpp-python source distribution),
  llama.cpp -r       the same with --repack 0: which of the two is faster depends on type and work
  mistral.rs         the `mistralrs` wheel, in the interpreter PYTHON

All run with the same number of threads. Speeds are tokens a second; batches count all sequences together, with 64 tokens before and 32 more each.
`first token` is seconds from starting the process to its end after one token of "Hello", with the file in the page cache, and `memory` that
process's largest resident size. `verify` is what 4 drafted tokens at once take in steps of one token (Sirocco alone; the peers' tools do not tell).
--busy measures a prefill of 512 and decode at depth 0 again while another process burns each core. --idle waits before each engine's turn until other
processes leave the machine alone, and repeats a turn in which they did not. The files of --json and --write are written after every round.
Python's standard library is all that is needed.
"""
import argparse
import datetime
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

BATCH_DEPTH, GENERATE, DRAFT = 64, 32, 4
PAGE = os.sysconf("SC_PAGE_SIZE")


class Failed(Exception):
    """An engine could not do what was asked; its column says so."""


def cpu_ticks():
    """Clock ticks that all processes together have used."""
    with open("/proc/stat") as file:
        fields = [int(value) for value in file.readline().split()[1:]]
    return sum(fields[:3]) + sum(fields[5:8])


class Noise:
    """How much of the machine others used while our processes ran."""

    def __init__(self):
        self.seconds = self.wall = 0.0

    @property
    def cores(self):
        return self.seconds / self.wall if self.wall else 0.0


def run(command, noise, environment=None, timeout=1800):
    """Standard output, seconds and peak resident bytes of a process."""
    started, ticks = time.monotonic(), cpu_ticks()
    with tempfile.TemporaryFile() as errors, tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors, env={**os.environ, **(environment or {})})
        deadline = started + timeout
        while True:
            identifier, status, usage = os.wait4(process.pid, os.WNOHANG)
            if identifier:
                break
            if time.monotonic() > deadline:
                process.kill()
                os.wait4(process.pid, 0)
                process.returncode = -9
                raise Failed(f"{os.path.basename(command[0])}: no end after {timeout} s")
            time.sleep(0.002)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.monotonic() - started
        others = (cpu_ticks() - ticks) / os.sysconf("SC_CLK_TCK") - usage.ru_utime - usage.ru_stime
        noise.seconds += max(others, 0)
        noise.wall += seconds
        errors.seek(0)
        output.seek(0)
        if process.returncode:
            last = errors.read().decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
            raise Failed(f"{os.path.basename(command[0])} ended with {process.returncode}: {last[0][:200]}")
        return output.read().decode(errors="replace"), seconds, usage.ru_maxrss * 1024


class Quiet:
    """Lets a turn count only when other processes left the machine alone (`--idle`)."""

    LIMIT, LOOK = 0.15, 3.0  # Cores that others may use; seconds of looking before a turn.

    def wait(self):
        while True:
            ticks = cpu_ticks()
            time.sleep(self.LOOK)
            if (cpu_ticks() - ticks) / os.sysconf("SC_CLK_TCK") < self.LIMIT * self.LOOK:
                return

    def measure(self, engine, model, work, total):
        while True:
            self.wait()
            noise = Noise()
            figures = engine.measure(model, work, noise)
            if noise.cores < self.LIMIT:
                break
            print(f"others used {noise.cores:.2f} cores: again", file=sys.stderr, flush=True)
        total.seconds += noise.seconds
        total.wall += noise.wall
        return figures


class Sirocco:
    name = "sirocco"

    def __init__(self, path):
        self.path = path

    def version(self):
        return subprocess.run([self.path, "--version"], capture_output=True, text=True, check=True).stdout.strip()

    def bench(self, model, work, noise, roofline=False):
        flags = [f"--prefill={work.list('prefill')}", f"--depth={work.list('depth')}", f"--batch={work.list('batch')}"]
        command = [
            self.path, "bench", "--json", "--runs", "1", "--model", model, "--threads", str(work.threads), "--generate", str(GENERATE),
            "--batch-depth", str(BATCH_DEPTH), "--verify", str(DRAFT if work.verify else 0), *flags, *(["--roofline"] if roofline else [])]
        report = json.loads(run(command, noise)[0])
        figures, limits = {}, {}
        for figure in report["series"][0]["figures"]:
            key = {
                "prefill": lambda: ("prefill", figure["tokens"]), "decode": lambda: ("decode", figure["depth"]),
                "batch": lambda: ("batch", figure["sequences"]), "verify": lambda: ("verify", figure["depth"])}[figure["kind"]]()
            figures[key] = figure["cost_in_single_steps"] if key[0] == "verify" else figure["tokens_per_second"]["median"]
            if "limit_tokens_per_second" in figure and key[0] != "verify":
                limits[key] = (figure["limit_tokens_per_second"], figure["bound_by"])
        return figures, limits, report["series"][0].get("limits")

    def measure(self, model, work, noise):
        figures = self.bench(model, work, noise)[0]
        if work.first:
            _, seconds, memory = run(
                [self.path, "run", "--model", model, "--threads", str(work.threads), "--context", "4096", "--max-tokens", "1", "Hello"], noise)
            figures["first token"], figures["memory"] = seconds, memory
        return figures


class Llama:
    def __init__(self, directory, repack):
        self.directory, self.repack = directory, repack
        self.name = "llama.cpp" if repack else "llama.cpp -r"

    def version(self):
        output = subprocess.run([os.path.join(self.directory, "llama-bench"), "--version"], capture_output=True, text=True)
        found = re.search(r"version: .*", output.stdout + output.stderr)
        return found.group(0) if found else "unknown version"

    def program(self, name):
        return os.path.join(self.directory, name)

    def bench(self, model, work, noise, *arguments):
        command = [
            self.program("llama-bench"), "-m", model, "-t", str(work.threads), "-r", "1", "--no-warmup", "-o", "json", "--repack",
            "1" if self.repack else "0", *arguments]
        return json.loads(run(command, noise)[0])

    def measure(self, model, work, noise):
        figures = {}
        if work.prefill:
            # The first, short prompt warms up and is not counted.
            for test in self.bench(model, work, noise, "-n", "0", "-p", "16," + work.list("prefill"))[1:]:
                figures["prefill", test["n_prompt"]] = test["avg_ts"]
        if work.depth:
            for test in self.bench(model, work, noise, "-p", "0", "-n", str(GENERATE), "-d", work.list("depth")):
                figures["decode", test["n_depth"]] = test["avg_ts"]
        if work.batch:
            command = [
                self.program("llama-batched-bench"), "-m", model, "-t", str(work.threads), "-c", str(max(work.batch) * (BATCH_DEPTH + GENERATE) + 64),
                "-npp", str(BATCH_DEPTH), "-ntg", str(GENERATE), "-npl", work.list("batch"), "--output-format", "jsonl",
                *([] if self.repack else ["--no-repack"])]
            for line in run(command, noise)[0].splitlines():
                if line.startswith("{"):
                    test = json.loads(line)
                    figures["batch", test["pl"]] = test["speed_tg"]
        if work.first:
            _, seconds, memory = run(
                [self.program("llama-completion"), "-m", model, "-t", str(work.threads), "-c", "4096", "-n", "1", "-no-cnv", "-p", "Hello",
                 *([] if self.repack else ["--no-repack"])], noise)
            figures["first token"], figures["memory"] = seconds, memory
        return figures


MISTRAL = '''
import json, sys, time
started = time.monotonic()
from mistralrs import CompletionRequest, Runner, Which
folder, name, prefill, depths, generate = json.loads(sys.argv[1])
runner = Runner(which=Which.GGUF(quantized_model_id=folder, quantized_filename=name), prefix_cache_n=0)
def ask(tokens, more):
    return runner.send_completion_request(CompletionRequest(
        model="default", prompt=" the" * tokens, max_tokens=more, temperature=0.0, ignore_eos=True)).usage
ask(1, 1)
figures = [["first token", time.monotonic() - started]]
for tokens in prefill:
    usage = ask(tokens, 1)
    figures.append([["prefill", tokens], usage.prompt_tokens / usage.total_prompt_time_sec])
for depth in depths:
    usage = ask(max(depth, 1), generate + 1)
    figures.append([["decode", depth], (usage.completion_tokens - 1) / usage.total_completion_time_sec])
print("figures " + json.dumps(figures))
'''


class Mistral:
    name = "mistral.rs"

    def __init__(self, python):
        self.python = python

    def version(self):
        code = "import importlib.metadata as m; print('mistralrs', m.version('mistralrs'))"
        return subprocess.run([self.python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()

    def ask(self, model, work, noise, prefill, depths):
        arguments = json.dumps([os.path.dirname(os.path.abspath(model)), os.path.basename(model), prefill, depths, GENERATE])
        environment = {"RAYON_NUM_THREADS": str(work.threads), "OMP_NUM_THREADS": str(work.threads)}
        output, seconds, memory = run([self.python, "-c", MISTRAL, arguments], noise, environment)
        line = [line for line in output.splitlines() if line.startswith("figures ")][-1]
        return {tuple(key) if isinstance(key, list) else key: value for key, value in json.loads(line[8:])}, memory

    def measure(self, model, work, noise):
        figures, _ = self.ask(model, work, noise, work.prefill, work.depth)
        del figures["first token"]
        if work.first:
            first, memory = self.ask(model, work, noise, [], [])
            figures["first token"], figures["memory"] = first["first token"], memory
        return figures


class Work:
    """What is measured in one go."""

    def __init__(self, threads, prefill, depth, batch, verify=True, first=True):
        self.threads, self.prefill, self.depth, self.batch, self.verify, self.first = threads, prefill, depth, batch, verify, first

    def list(self, name):
        return ",".join(map(str, getattr(self, name))) or "none"

    def keys(self):
        return [("prefill", n) for n in self.prefill] + [("decode", n) for n in self.depth] + [("batch", n) for n in self.batch] + (
            ["first token", "memory"] if self.first else []) + ([("verify", n) for n in self.depth] if self.verify else [])


def title(key):
    if isinstance(key, str):
        return key
    return {"prefill": "prefill {}", "decode": "decode at {}", "batch": "batch of {}", "verify": f"verify {DRAFT} at {{}}"}[key[0]].format(key[1])


def shown(key, value):
    if key == "memory":
        return f"{value / 1e6:,.0f} MB"
    if key == "first token":
        return f"{value:.2f} s"
    if key[0] == "verify":
        return f"{value:.2f} ×"
    return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


class Results:
    """Samples by engine and figure, and what went wrong."""

    def __init__(self):
        self.samples, self.faults, self.noise = {}, {}, {}

    def add(self, engine, figures):
        for key, value in figures.items():
            self.samples.setdefault(engine, {}).setdefault(key, []).append(value)

    def median(self, engine, key):
        samples = self.samples.get(engine, {}).get(key)
        return statistics.median(samples) if samples else None

    def best(self, engine, key):
        pick = min if key in ("first token", "memory") or key[0] == "verify" else max
        return pick(self.samples[engine][key])

    def ratio(self, key, peers):
        """Our median over the best peer's; for seconds and bytes the other way round, so that more than 1 is always better."""
        ours = self.median(Sirocco.name, key)
        theirs = [value for value in (self.median(peer, key) for peer in peers) if value]
        if not ours or not theirs:
            return None
        return min(theirs) / ours if key in ("first token", "memory") else ours / max(theirs)


def alternate(engines, model, work, rounds, results, quiet=None, after_round=lambda: None):
    for number in range(rounds):
        for engine in engines:
            print(f"{os.path.basename(model)}: round {number + 1} of {rounds}: {engine.name}", file=sys.stderr, flush=True)
            noise = results.noise.setdefault(engine.name, Noise())
            try:
                results.add(engine.name, quiet.measure(engine, model, work, noise) if quiet else engine.measure(model, work, noise))
            except Failed as fault:
                results.faults[engine.name] = str(fault)
        after_round()


class Burners:
    """A process for each core that does nothing but use it."""

    def __enter__(self):
        self.processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count())]

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait()


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" + "---:|" * (len(header) - 1)]
    return lines + ["| " + " | ".join(row) + " |" for row in rows]


def main_table(engines, work, results, limits):
    peers = [engine.name for engine in engines if engine.name != Sirocco.name]
    rows = []
    for key in work.keys():
        row = [title(key)]
        for engine in engines:
            median = results.median(engine.name, key)
            row.append("–" if median is None else f"{shown(key, median)} [{shown(key, results.best(engine.name, key))}]")
        ratio, ours = results.ratio(key, peers), results.median(Sirocco.name, key)
        row.append("–" if ratio is None else f"**{ratio:.2f}**" if ratio >= 1 else f"{ratio:.2f}")
        limit = limits.get(key)
        row.append(f"{100 * ours / limit[0]:.0f} % of {limit[1]}" if limit and ours else "–")
        rows.append(row)
    return table(["", *(engine.name for engine in engines), "to the best peer", "Sirocco's share of its limit"], rows)


def busy_table(engines, work, quiet, busy):
    rows = []
    for key in work.keys():
        for engine in engines:
            before, after = quiet.median(engine.name, key), busy.median(engine.name, key)
            if before and after:
                rows.append([title(key), engine.name, shown(key, before), shown(key, after), f"{after / before:.2f}"])
    return table(["", "engine", "alone", "with a burner on each core", "what is left"], rows)


def machine():
    with open("/proc/cpuinfo") as file:
        name = re.search(r"model name\s*: (.*)", file.read())
    memory = os.sysconf("SC_PHYS_PAGES") * PAGE / 2**30
    kernel = os.uname().release
    return f"{name.group(1) if name else os.uname().machine}, {os.cpu_count()} cores, {memory:.0f} GiB, Linux {kernel}"


def commit():
    folder = os.path.dirname(os.path.abspath(__file__))
    def git(*arguments):
        return subprocess.run(["git", "-C", folder, *arguments], capture_output=True, text=True, check=True).stdout.strip()
    return git("rev-parse", "--short=12", "HEAD") + (" with changes that are not committed" if git("status", "--porcelain", "--untracked-files=no") else "")


def numbers(text):
    if text == "none":
        return []
    values = [int(part) for part in text.split(",")]
    if any(value < 0 for value in values):
        raise ValueError(text)
    return values


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", metavar="MODEL.gguf")
    parser.add_argument("--sirocco", default=".build/release/sirocco")
    parser.add_argument("--llama", metavar="DIRECTORY", help="where llama.cpp's programs are")
    parser.add_argument("--mistral", metavar="PYTHON", help="an interpreter that has mistralrs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--prefill", type=numbers, default=[128, 512, 2048])
    parser.add_argument("--depth", type=numbers, default=[0, 512, 2048])
    parser.add_argument("--batch", type=numbers, default=[1, 4, 8, 16])
    parser.add_argument("--busy", action="store_true", help="also with another process on each core")
    parser.add_argument("--idle", action="store_true", help="measure only while other processes leave the machine alone")
    parser.add_argument("--json", metavar="FILE", help="write all samples there")
    parser.add_argument("--write", metavar="FILE", help="write the tables there as Markdown")
    options = parser.parse_args()
    for path in [*options.models, options.sirocco, *filter(None, [options.llama, options.mistral])]:
        if not os.path.exists(path):
            parser.error(f"there is no {path}")
    if options.rounds < 1 or options.threads < 1:
        parser.error("--rounds and --threads take 1 or more")
    return options


def shown_command():
    """The command line without folders, which differ from machine to machine."""
    return "python3 Benchmarks/versus.py " + " ".join(os.path.basename(part.rstrip("/")) or part if part.startswith(("/", "..")) else part for part in sys.argv[1:])


class Measured:
    """One model's results, as far as they are there."""

    def __init__(self, model):
        self.model, self.results, self.busy, self.limits, self.peaks = model, Results(), Results(), {}, None

    def measure(self, engines, work, few, options, quiet, save):
        if quiet:
            quiet.wait()
        try:
            # Once before, to have the file in memory, and with the machine's limits.
            _, self.limits, self.peaks = engines[0].bench(self.model, work, Noise(), roofline=True)
        except Failed as fault:
            self.results.faults[Sirocco.name] = str(fault)
        alternate(engines, self.model, work, options.rounds, self.results, quiet, save)
        if options.busy:
            with Burners():
                alternate(engines, self.model, few, options.rounds, self.busy, after_round=save)

    def lines(self, engines, work, few):
        if not self.results.samples and not self.results.faults:
            return []
        rounds = max((len(samples) for figures in self.results.samples.values() for samples in figures.values()), default=0)
        lines = [f"## {os.path.basename(self.model)}, {os.path.getsize(self.model) / 1e6:,.0f} MB, {rounds} rounds", ""]
        lines += main_table(engines, work, self.results, self.limits)
        if self.peaks:
            speeds = ", ".join(f"{self.peaks[key + '_operations_per_second'] / 1e9:,.0f} {key}" for key in ("int8", "bf16", "f32"))
            lines += ["", f"Measured limits: {self.peaks['read_bytes_per_second'] / 1e9:.1f} GB/s read, {speeds} billion operations/s."]
        used = ", ".join(f"{engine} {noise.cores:.2f}" for engine, noise in self.results.noise.items())
        lines += ["", f"Used by other processes meanwhile, in cores: {used}."]
        lines += [f"- {engine}: {fault}" for engine, fault in self.results.faults.items()]
        if self.busy.samples:
            lines += [""] + busy_table(engines, few, self.results, self.busy)
        return lines + [""]

    def record(self):
        record = {"quiet": self.results.samples, "faults": self.results.faults, "limits": self.peaks}
        return {**record, "busy": self.busy.samples} if self.busy.samples else record


def write(options, lines, measured):
    """The files of --write and --json, whole or not at all."""
    def plain(value):
        if not isinstance(value, dict):
            return value
        return {title(key) if not isinstance(key, str) or key in ("first token", "memory") else key: plain(item) for key, item in value.items()}

    record = {"machine": machine(), "commit": commit(), "models": {os.path.basename(each.model): each.record() for each in measured}}
    for path, text in [(options.write, "\n".join(lines).rstrip() + "\n"), (options.json, json.dumps(plain(record), indent=1))]:
        if path:
            with open(path + ".part", "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(path + ".part", path)


def main():
    options = arguments()
    engines = [Sirocco(options.sirocco)]
    if options.llama:
        engines += [Llama(options.llama, True), Llama(options.llama, False)]
    if options.mistral:
        engines.append(Mistral(options.mistral))
    work = Work(options.threads, options.prefill, options.depth, options.batch)
    few = Work(options.threads, [512], [0], [], verify=False, first=False)
    lines = [
        "# Performance", "", "Printed by:", "", "```", shown_command(), "```", "",
        f"- {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, commit {commit()}", f"- {machine()}; {options.threads} threads",
        f"- {', '.join(sorted({f'{engine.name}: {engine.version()}' for engine in engines}))}",
        f"- {options.rounds} rounds, each engine in turn; median [best]. Tokens a second, but first token and memory; batches count all sequences.",
        "- `llama.cpp -r` is llama.cpp with `--repack 0`. \"To the best peer\" is Sirocco's median over the best peer's median (for seconds and bytes the",
        "  other way round), so that more than 1 is better.", ""]
    quiet = Quiet() if options.idle else None
    measured = [Measured(model) for model in options.models]

    def text():
        return lines + [line for each in measured for line in each.lines(engines, work, few)]

    for each in measured:
        each.measure(engines, work, few, options, quiet, lambda: write(options, text(), measured))
    print("\n".join(text()))


if __name__ == "__main__":
    sys.exit(main())
