"""Steps from each schema of the store to the next, for Alembic. One revision a file in ``versions``."""
