"""Background work: loading, inference in a worker process, the results store."""
