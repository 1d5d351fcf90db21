"""The operator's side and the composition root: command line, process tree, simulators, demo."""
