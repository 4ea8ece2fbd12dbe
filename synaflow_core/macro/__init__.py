"""One macro-task on a worker: :mod:`.task`, its datasets (:mod:`.boundary`), and its shards."""
