// Tools: see ARCHITECTURE.md.
