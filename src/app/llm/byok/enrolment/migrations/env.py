"""What Alembic runs for every command: the table's migrations, over the connection that it is given."""

from __future__ import annotations

from alembic import context

from app.llm.byok.enrolment.table import METADATA, VERSION_TABLE, is_ours

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    version_table=VERSION_TABLE,
    include_name=is_ours,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
