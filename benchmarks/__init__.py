"""What Gramarye costs on this machine: `python -m benchmarks`; docs/performance.md says how."""

import os

# As the command has it, and read when PyTorch is imported: so it must come before.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
