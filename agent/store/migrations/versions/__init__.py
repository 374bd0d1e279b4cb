"""One revision a file; what was released is never edited."""
