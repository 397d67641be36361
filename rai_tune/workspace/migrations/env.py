"""What Alembic runs: our revisions over the connection that ``migrate.py`` hands in, inside its transaction."""

from alembic import context

from rai_tune.workspace.schema import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    transactional_ddl=True,  # true of SQLite too, since transactions are begun explicitly
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
