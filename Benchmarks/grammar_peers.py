#!/usr/bin/env python3
"""What masks cost in another engine: the far side of `sirocco bench grammar`.

    grammar_peers.py ENGINE TOKENIZER_JSON STOP_TOKEN ROWS OUT

ENGINE is llguidance or xgrammar, as PyPI has them. ROWS holds lines of {"schema": text, "tests": [{"valid", "tokens", "declared"}]}; OUT gets one JSON
object: times in nanoseconds of this thread's CPU, verdicts, memory. Status 3: the engine is not installed.
"""
import json
import sys
import time

clock = time.thread_time_ns


def forget_peak():
    """Lets the kernel's record of the most memory resident begin anew."""
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")


def resident(figure):
    """VmRSS (now) or VmHWM (the most), in bytes."""
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(figure + ":"))


def overhead():
    """What reading the clock itself takes."""
    times = []
    for _ in range(1000):
        start = clock()
        times.append(clock() - start)
    return sorted(times)[500]


class LLGuidance:
    def __init__(self, tokenizer, stop):
        import llguidance
        import numpy

        self.version = llguidance.__version__
        self.library = llguidance
        self.tokenizer = llguidance.LLTokenizer(tokenizer, eos_token=stop)
        self.mask = numpy.zeros((self.tokenizer.vocab_size + 31) // 32, dtype=numpy.int32)
        self.pointer, self.size = self.mask.ctypes.data, self.mask.nbytes

    def compile(self, schema):
        matcher = self.library.LLMatcher(self.tokenizer, self.library.LLMatcher.grammar_from_json_schema(schema), log_level=0)
        if matcher.is_error():
            raise ValueError(matcher.get_error())
        return matcher

    def start(self, compiled):
        return compiled.deep_copy()

    def fill(self, matcher):
        matcher.unsafe_compute_mask_ptr(self.pointer, self.size)

    def allows(self, token):
        return bool(self.mask[token >> 5] >> (token & 31) & 1)

    def accept(self, matcher, token):
        return matcher.consume_token(token)

    def may_stop(self, matcher):
        return matcher.is_accepting()


class XGrammar:
    def __init__(self, tokenizer, stop):
        import xgrammar

        self.version = getattr(xgrammar, "__version__", "?")
        self.library = xgrammar
        self.stop = stop
        vocabulary = byte_tokens(tokenizer)
        self.info = xgrammar.TokenizerInfo(vocabulary, xgrammar.VocabType.RAW, stop_token_ids=[stop])
        self.compiler = xgrammar.GrammarCompiler(self.info, max_threads=1, cache_enabled=False)
        self.mask = xgrammar.allocate_token_bitmask(1, len(vocabulary))
        self.words = self.mask.numpy()[0]

    def compile(self, schema):
        return self.compiler.compile_json_schema(schema)

    def start(self, compiled):
        return self.library.GrammarMatcher(compiled)

    def fill(self, matcher):
        if not matcher.fill_next_token_bitmask(self.mask):
            self.words[:] = -1

    def allows(self, token):
        return bool(self.words[token >> 5] >> (token & 31) & 1)

    def accept(self, matcher, token):
        return matcher.accept_token(token)

    def may_stop(self, matcher):
        self.fill(matcher)
        return self.allows(self.stop)


def byte_tokens(path):
    """The bytes of each token of a byte-level tokenizer.json; special tokens have none."""
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    alphabet = {chr(byte): byte for byte in visible}
    alphabet.update({chr(256 + place): byte for place, byte in enumerate(byte for byte in range(256) if byte not in visible)})
    added = {token["id"]: token for token in document["added_tokens"]}
    count = max([*document["model"]["vocab"].values(), *added]) + 1
    tokens = [b""] * count
    for text, number in document["model"]["vocab"].items():
        if number not in added:
            tokens[number] = bytes(alphabet[character] for character in text)
    return tokens


class Run:
    def __init__(self, engine):
        self.engine = engine
        self.base = overhead()
        self.masks, self.first, self.refusals = [], [], {}
        self.right = self.rejected = self.accepted = 0

    def walk(self, compiled, tokens, times):
        engine = self.engine
        matcher = engine.start(compiled)
        for token in tokens:
            start = clock()
            engine.fill(matcher)
            if times is not None:
                times.append(max(clock() - start - self.base, 0))
            if not engine.allows(token) or not engine.accept(matcher, token):
                return False
        return engine.may_stop(matcher)

    def row(self, row):
        engine = self.engine
        start = clock()
        try:
            compiled = engine.compile(row["schema"])
            engine.fill(engine.start(compiled))
        except Exception as error:  # Whatever an engine throws is its refusal.
            self.refusals[row["name"]] = str(error)[:300]
            return
        self.first.append(max(clock() - start - self.base, 0))
        for test in row["tests"]:
            accepted = self.walk(compiled, test["tokens"], self.masks) or ("declared" in test and self.walk(compiled, test["declared"], None))
            if accepted == test["valid"]:
                self.right += 1
            elif accepted:
                self.accepted += 1
            else:
                self.rejected += 1


def main():
    engine, tokenizer, stop, rows, out = sys.argv[1:6]
    try:
        peer = {"llguidance": LLGuidance, "xgrammar": XGrammar}[engine](tokenizer, int(stop))
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
    run = Run(peer)
    run.row({"name": "warm", "schema": '{"type": "object"}', "tests": []})
    run.first.clear()
    forget_peak()
    before = resident("VmRSS")
    with open(rows, encoding="utf-8") as file:
        for line in file:
            run.row(json.loads(line))
    with open(out, "w", encoding="utf-8") as file:
        json.dump(
            {
                "version": peer.version, "mask_ns": run.masks, "first_mask_ns": run.first, "refused": run.refusals, "right": run.right,
                "valid_rejected": run.rejected, "invalid_accepted": run.accepted, "resident_bytes_before": before, "resident_bytes_peak": resident("VmHWM"),
            },
            file,
        )


if __name__ == "__main__":
    main()
