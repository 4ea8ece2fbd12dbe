"""A Mermaid diagram, for documents that render it: :mod:`.target`."""
