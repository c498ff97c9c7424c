"""Painters of the samples: `python -m tools.paint_samples` writes the JPEGs of the package."""
