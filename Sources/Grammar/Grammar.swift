// Grammar: see ARCHITECTURE.md.
