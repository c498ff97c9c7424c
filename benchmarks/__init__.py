"""What Gramarye costs on this machine: `python -m benchmarks`; docs/performance.md says how."""

from gramarye.threads import share_cores

share_cores()  # as the command does it, before PyTorch is imported
