// The files of models/ and schemas/tools/ as bytes inside the binary.
#ifndef SIROCCO_EMBEDDED_H
#define SIROCCO_EMBEDDED_H

#include <stddef.h>

/// One embedded file: its name relative to its folder, and its bytes, which live as long as the process.
typedef struct {
    const char *name;
    const unsigned char *bytes;
    size_t count;
} sirocco_embedded_file;

// Functions, since Swift cannot see an array without a size.

/// The files of the embedded default model, in no particular order; a NULL name ends the table.
const sirocco_embedded_file *sirocco_embedded_model(void);

/// The schemas of our own tools, `NAME.input.json` and `NAME.output.json`; a NULL name ends the table.
const sirocco_embedded_file *sirocco_embedded_schemas(void);

/// The Python script that measures masks in other engines (Benchmarks/grammar_peers.py).
const sirocco_embedded_file *sirocco_embedded_grammar_peers(void);

#endif
