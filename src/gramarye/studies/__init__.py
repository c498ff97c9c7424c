"""Grids of runs with a question: the papers' experiments, and a reader's own."""
