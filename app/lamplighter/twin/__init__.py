"""The present state and the dependency graph of the city, as a pure fold over batches."""
