// Embeds the default model, the schemas of our own tools and the far side of `sirocco bench grammar` (C23 `#embed`).
#include "embedded.h"

// Weights are read in place, so they keep the alignment that a mapped file would have.
#define FILE_BYTES(symbol) _Alignas(64) static const unsigned char symbol[]
#define ENTRY(name, symbol) { name, symbol, sizeof symbol }

FILE_BYTES(breeze_config) = {
#embed "../../models/breeze/config.json"
};
FILE_BYTES(breeze_generation_config) = {
#embed "../../models/breeze/generation_config.json"
};
FILE_BYTES(breeze_tokenizer) = {
#embed "../../models/breeze/tokenizer.json"
};
FILE_BYTES(breeze_tokenizer_config) = {
#embed "../../models/breeze/tokenizer_config.json"
};
FILE_BYTES(breeze_template) = {
#embed "../../models/breeze/chat_template.jinja"
};
FILE_BYTES(breeze_weights) = {
#embed "../../models/breeze/model.safetensors"
};

static const sirocco_embedded_file model_files[] = {
    ENTRY("config.json", breeze_config),
    ENTRY("generation_config.json", breeze_generation_config),
    ENTRY("tokenizer.json", breeze_tokenizer),
    ENTRY("tokenizer_config.json", breeze_tokenizer_config),
    ENTRY("chat_template.jinja", breeze_template),
    ENTRY("model.safetensors", breeze_weights),
    { NULL, NULL, 0 },
};

FILE_BYTES(extract_input) = {
#embed "../../schemas/tools/extract.input.json"
};
FILE_BYTES(extract_output) = {
#embed "../../schemas/tools/extract.output.json"
};
FILE_BYTES(classify_input) = {
#embed "../../schemas/tools/classify.input.json"
};
FILE_BYTES(classify_output) = {
#embed "../../schemas/tools/classify.output.json"
};
FILE_BYTES(generate_input) = {
#embed "../../schemas/tools/generate.input.json"
};
FILE_BYTES(generate_output) = {
#embed "../../schemas/tools/generate.output.json"
};
FILE_BYTES(models_input) = {
#embed "../../schemas/tools/models.input.json"
};
FILE_BYTES(models_output) = {
#embed "../../schemas/tools/models.output.json"
};

static const sirocco_embedded_file schema_files[] = {
    ENTRY("extract.input.json", extract_input),
    ENTRY("extract.output.json", extract_output),
    ENTRY("classify.input.json", classify_input),
    ENTRY("classify.output.json", classify_output),
    ENTRY("generate.input.json", generate_input),
    ENTRY("generate.output.json", generate_output),
    ENTRY("models.input.json", models_input),
    ENTRY("models.output.json", models_output),
    { NULL, NULL, 0 },
};

FILE_BYTES(grammar_peers) = {
#embed "../../Benchmarks/grammar_peers.py"
};

static const sirocco_embedded_file grammar_peers_file = ENTRY("grammar_peers.py", grammar_peers);

const sirocco_embedded_file *sirocco_embedded_model(void) { return model_files; }

const sirocco_embedded_file *sirocco_embedded_schemas(void) { return schema_files; }

const sirocco_embedded_file *sirocco_embedded_grammar_peers(void) { return &grammar_peers_file; }
