// Chat: see ARCHITECTURE.md.
