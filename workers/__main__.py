"""`python -m workers ROLE SLOT HOST CONTROL`: one process of the tree, started cold."""

import sys

from workers.roles import main

sys.exit(main(sys.argv[1:]))
