"""Migrations of the table of enrolled keys, by Alembic."""
