"""What Gramarye costs on this machine: `python -m benchmarks`; docs/performance.md says how."""
