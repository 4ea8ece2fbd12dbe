"""Text of generated files: rendered, laid out as a formatter would do it, and safe to paste."""
