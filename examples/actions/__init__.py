"""Actions that do real work: train a model, export rows, upload files."""
