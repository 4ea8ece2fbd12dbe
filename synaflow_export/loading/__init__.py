"""From what a user types to a contract: the code is found, imported, and a pipeline chosen."""
