"""Request to result: slice batches inside a memory budget."""
