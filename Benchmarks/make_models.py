#!/usr/bin/env python3
"""Makes models of realistic shapes with random weights, to measure speed and memory with: no real weights are needed for that.

    python3 Benchmarks/make_models.py --tokenizer ../shared/fixtures/tokenizers/llama3/tokenizer.json OUT [SHAPE ...]
        [--quantize PATH/llama-quantize] [--types Q8_0,Q4_0,Q4_K_M] [--seed N]

Each SHAPE (all of the table below when none is named) becomes OUT/SHAPE, a Hugging Face directory (config.json, tokenizer.json, BF16 safetensors),
and OUT/SHAPE-BF16.gguf with the same values. With --quantize (llama.cpp's program, or any that is called the same way: IN OUT TYPE), the GGUF
file is also quantized to OUT/SHAPE-TYPE.gguf. Weights are N(0, 0.02) rounded to BF16, norms 1 + N(0, 0.05); each tensor has its own random stream,
made from the seed and its name. The tokenizer is a real one (byte-level BPE, tokenizer.json); in GGUF its vocabulary is padded to the shape's with
unused tokens. Files that are there already are kept. Needs numpy and gguf (PyPI).
"""
import argparse
import json
import math
import os
import subprocess
import sys
import zlib

import gguf
import numpy

SHAPES = {
    "tiny": dict(family="qwen2", layers=2, hidden=64, feed_forward=160, heads=4, kv_heads=2, head=16, vocabulary=128512, theta=1e6, epsilon=1e-6, context=2048),
    "qwen05": dict(family="qwen2", layers=24, hidden=896, feed_forward=4864, heads=14, kv_heads=2, head=64, vocabulary=151936, theta=1e6, epsilon=1e-6, context=32768),
    "llama1b": dict(family="llama", layers=16, hidden=2048, feed_forward=8192, heads=32, kv_heads=8, head=64, vocabulary=128256, theta=5e5, epsilon=1e-5, context=131072),
    "llama3b": dict(family="llama", layers=28, hidden=3072, feed_forward=8192, heads=24, kv_heads=8, head=128, vocabulary=128256, theta=5e5, epsilon=1e-5, context=131072),
}
# Llama 3.2's scaling of its rotary frequencies.
SCALING = dict(factor=32.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=8192, rope_type="llama3")
TEMPLATES = {
    "qwen2": "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
    "llama": "{{ bos_token }}{% for m in messages %}{{ '<|start_header_id|>' + m['role'] + '<|end_header_id|>\n\n' + m['content'] + '<|eot_id|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}",
}


class Tensor:
    """One tensor of a shape under its Hugging Face and GGUF names; the values are made when they are asked for."""

    def __init__(self, name, gguf_name, shape, norm=False, permuted_heads=0):
        self.name, self.gguf_name, self.shape, self.norm, self.permuted_heads = name, gguf_name, shape, norm, permuted_heads

    def bits(self, seed):
        """The values as BF16 bit patterns, rounded to the nearest, ties to even."""
        source = numpy.random.default_rng([seed, zlib.crc32(self.name.encode())])
        values = source.standard_normal(self.shape, dtype=numpy.float32)
        values *= 0.05 if self.norm else 0.02
        if self.norm:
            values += 1
        words = values.view(numpy.uint32)
        words += 0x7FFF + ((words >> 16) & 1)
        return (words >> 16).astype(numpy.uint16)

    def gguf_bits(self, seed):
        """The same with query and key rows in GGUF's interleaved order for Llama."""
        bits = self.bits(seed)
        if not self.permuted_heads:
            return bits
        rows, columns = bits.shape
        half = rows // self.permuted_heads // 2
        return numpy.ascontiguousarray(bits.reshape(self.permuted_heads, 2, half, columns).swapaxes(1, 2).reshape(rows, columns))


def tensors(shape):
    """All tensors of a shape, in the order of the files."""
    hidden, wide = shape["hidden"], shape["feed_forward"]
    queries, keys = shape["heads"] * shape["head"], shape["kv_heads"] * shape["head"]
    llama = shape["family"] == "llama"
    yield Tensor("model.embed_tokens.weight", "token_embd.weight", (shape["vocabulary"], hidden))
    for layer in range(shape["layers"]):
        name, block = f"model.layers.{layer}.", f"blk.{layer}."
        yield Tensor(name + "input_layernorm.weight", block + "attn_norm.weight", (hidden,), norm=True)
        for letter, rows, heads in (("q", queries, shape["heads"]), ("k", keys, shape["kv_heads"]), ("v", keys, 0)):
            yield Tensor(f"{name}self_attn.{letter}_proj.weight", f"{block}attn_{letter}.weight", (rows, hidden), permuted_heads=heads if llama else 0)
            if not llama:
                yield Tensor(f"{name}self_attn.{letter}_proj.bias", f"{block}attn_{letter}.bias", (rows,))
        yield Tensor(name + "self_attn.o_proj.weight", block + "attn_output.weight", (hidden, queries))
        yield Tensor(name + "post_attention_layernorm.weight", block + "ffn_norm.weight", (hidden,), norm=True)
        for letter, size in (("gate", (wide, hidden)), ("up", (wide, hidden)), ("down", (hidden, wide))):
            yield Tensor(f"{name}mlp.{letter}_proj.weight", f"{block}ffn_{letter}.weight", size)
    yield Tensor("model.norm.weight", "output_norm.weight", (hidden,), norm=True)


class Vocabulary:
    """A byte-level BPE tokenizer.json, as GGUF wants it."""

    def __init__(self, path):
        self.path = path
        with open(path, encoding="utf-8") as file:
            self.json = json.load(file)
        model = self.json["model"]
        if model.get("type", "BPE") != "BPE":
            raise SystemExit(f"{path}: a {model['type']} tokenizer; this script knows BPE only")
        known = {token: (identifier, gguf.TokenType.NORMAL) for token, identifier in model["vocab"].items()}
        for token in self.json["added_tokens"]:
            known[token["content"]] = (token["id"], gguf.TokenType.CONTROL if token["special"] else gguf.TokenType.USER_DEFINED)
        self.tokens = [""] * len(known)
        self.types = [0] * len(known)
        for token, (identifier, kind) in known.items():
            if not identifier < len(known) or self.types[identifier]:
                raise SystemExit(f"{path}: token numbers are not 0 to {len(known) - 1}, each once")
            self.tokens[identifier], self.types[identifier] = token, int(kind)
        self.merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]

    def number(self, *names):
        """The number of the first of these tokens that there is."""
        for name in names:
            if name in self.tokens:
                return self.tokens.index(name)
        raise SystemExit(f"{self.path}: none of {', '.join(names)}")

    def padded(self, count):
        if len(self.tokens) > count:
            raise SystemExit(f"{self.path}: {len(self.tokens)} tokens do not fit a vocabulary of {count}")
        padding = range(len(self.tokens), count)
        return self.tokens + [f"[PAD{i}]" for i in padding], self.types + [int(gguf.TokenType.UNUSED)] * len(padding)


def write_directory(path, shape, vocabulary, seed):
    os.makedirs(path)
    begin, end = vocabulary.number("<|begin_of_text|>", "<|endoftext|>"), vocabulary.number("<|end_of_text|>", "<|endoftext|>")
    config = dict(
        architectures=["LlamaForCausalLM" if shape["family"] == "llama" else "Qwen2ForCausalLM"], model_type=shape["family"],
        vocab_size=shape["vocabulary"], hidden_size=shape["hidden"], intermediate_size=shape["feed_forward"],
        num_hidden_layers=shape["layers"], num_attention_heads=shape["heads"], num_key_value_heads=shape["kv_heads"], hidden_act="silu",
        max_position_embeddings=shape["context"], rms_norm_eps=shape["epsilon"], rope_theta=shape["theta"], tie_word_embeddings=True,
        torch_dtype="bfloat16", bos_token_id=begin, eos_token_id=end, attention_dropout=0.0, initializer_range=0.02, use_cache=True)
    if shape["family"] == "llama":
        config.update(head_dim=shape["head"], attention_bias=False, mlp_bias=False, pretraining_tp=1, rope_scaling=SCALING)
    else:
        config.update(use_sliding_window=False, sliding_window=shape["context"], max_window_layers=shape["layers"])
    language = dict(
        tokenizer_class="PreTrainedTokenizerFast", model_max_length=shape["context"], bos_token=vocabulary.tokens[begin],
        eos_token=vocabulary.tokens[end], pad_token=vocabulary.tokens[end], clean_up_tokenization_spaces=False,
        chat_template=TEMPLATES[shape["family"]])
    files = {
        "config.json": config, "tokenizer.json": vocabulary.json, "tokenizer_config.json": language,
        "generation_config.json": dict(bos_token_id=begin, eos_token_id=end, do_sample=False),
    }
    for name, value in files.items():
        with open(os.path.join(path, name), "w", encoding="utf-8") as file:
            json.dump(value, file, ensure_ascii=False, indent=None if name == "tokenizer.json" else 1)
    header, offset = {"__metadata__": {"format": "pt"}}, 0
    for tensor in tensors(shape):
        size = 2 * math.prod(tensor.shape)
        header[tensor.name] = {"dtype": "BF16", "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(path, "model.safetensors"), "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for tensor in tensors(shape):
            file.write(tensor.bits(seed).data)


def rope_factors(shape):
    """What Llama 3's scaling divides each pair's frequency by (the formula of its published model code)."""
    factors = []
    for pair in range(shape["head"] // 2):
        length = 2 * math.pi * shape["theta"] ** (2 * pair / shape["head"])
        old, low, high = SCALING["original_max_position_embeddings"], SCALING["low_freq_factor"], SCALING["high_freq_factor"]
        share = min(max((old / length - low) / (high - low), 0), 1)
        factors.append(1 / (share + (1 - share) / SCALING["factor"]))
    return numpy.array(factors, dtype=numpy.float32)


def write_gguf(path, name, shape, vocabulary, seed):
    writer = gguf.GGUFWriter(path, shape["family"])
    writer.add_name(f"{name}-random")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_BF16)
    writer.add_block_count(shape["layers"])
    writer.add_context_length(shape["context"])
    writer.add_embedding_length(shape["hidden"])
    writer.add_feed_forward_length(shape["feed_forward"])
    writer.add_head_count(shape["heads"])
    writer.add_head_count_kv(shape["kv_heads"])
    writer.add_key_length(shape["head"])
    writer.add_value_length(shape["head"])
    writer.add_rope_dimension_count(shape["head"])
    writer.add_rope_freq_base(shape["theta"])
    writer.add_layer_norm_rms_eps(shape["epsilon"])
    writer.add_vocab_size(shape["vocabulary"])
    texts, types = vocabulary.padded(shape["vocabulary"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("llama-bpe")
    writer.add_token_list(texts)
    writer.add_token_types(types)
    writer.add_token_merges(vocabulary.merges)
    writer.add_bos_token_id(vocabulary.number("<|begin_of_text|>", "<|endoftext|>"))
    writer.add_eos_token_id(vocabulary.number("<|end_of_text|>", "<|endoftext|>"))
    writer.add_add_bos_token(shape["family"] == "llama")
    writer.add_chat_template(TEMPLATES[shape["family"]])
    llama = shape["family"] == "llama"
    if llama:
        writer.add_tensor_info("rope_freqs.weight", (shape["head"] // 2,), numpy.dtype(numpy.float32), shape["head"] // 2 * 4)
    for tensor in tensors(shape):
        count = math.prod(tensor.shape)
        if len(tensor.shape) == 1:
            writer.add_tensor_info(tensor.gguf_name, tensor.shape, numpy.dtype(numpy.float32), count * 4)
        else:
            writer.add_tensor_info(
                tensor.gguf_name, (*tensor.shape[:-1], tensor.shape[-1] * 2), numpy.dtype(numpy.uint8), count * 2, raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    if llama:
        writer.write_tensor_data(rope_factors(shape))
    for tensor in tensors(shape):
        bits = tensor.gguf_bits(seed)
        writer.write_tensor_data((bits.astype(numpy.uint32) << 16).view(numpy.float32) if bits.ndim == 1 else bits)
    writer.close()


def make(path, write):
    """Writes a file or directory under another name first, so that a half-written one is never taken for a whole one."""
    if os.path.exists(path):
        print(f"{path}: there already")
        return
    partial = f"{path}.partial-{os.getpid()}"
    write(partial)
    os.rename(partial, path)
    print(f"{path}: written", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", metavar="OUT")
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=f"of {', '.join(SHAPES)}; all but tiny when none is named")
    parser.add_argument("--tokenizer", required=True, help="a tokenizer.json (byte-level BPE)")
    parser.add_argument("--quantize", help="the program that quantizes: IN OUT TYPE")
    parser.add_argument("--types", default="Q8_0,Q4_0,Q4_K_M")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for shape in arguments.shapes:
        if shape not in SHAPES:
            parser.error(f"no shape {shape}; there are {', '.join(SHAPES)}")
    vocabulary = Vocabulary(arguments.tokenizer)
    os.makedirs(arguments.output, exist_ok=True)
    for name in arguments.shapes or [name for name in SHAPES if name != "tiny"]:
        shape, base = SHAPES[name], os.path.join(arguments.output, name)
        make(base, lambda path: write_directory(path, shape, vocabulary, arguments.seed))
        make(base + "-BF16.gguf", lambda path: write_gguf(path, name, shape, vocabulary, arguments.seed))
        for kind in arguments.types.split(",") if arguments.quantize else []:
            make(f"{base}-{kind}.gguf", lambda path: subprocess.run(
                [arguments.quantize, base + "-BF16.gguf", path, kind], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))


if __name__ == "__main__":
    sys.exit(main())
