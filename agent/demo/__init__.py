"""`rrmd demo`: an hour at a simulated school, in which everything happens that rrmd is for."""
