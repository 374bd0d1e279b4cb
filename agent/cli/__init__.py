"""The command line: what an operator types, and what a script reads."""
