//! Locks: `pylock.toml` as PEP 751 has it, read, chosen from, and written.
