"""A page that shows a pipeline: :mod:`.target`; where its boxes stand: :mod:`.layout`."""
