"""`python -m gramarye`: the same as the command `gramarye`."""

import sys

from gramarye.cli import main

sys.exit(main())
