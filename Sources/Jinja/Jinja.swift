// Jinja: see ARCHITECTURE.md.
