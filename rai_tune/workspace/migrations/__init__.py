"""Schema revisions of the workspace database, run when a workspace is opened; no alembic.ini.

To change the schema: edit ``schema.py``, add ``versions/rNNNN_what.py`` (revision ids count up: 0001, 0002), set
``HEAD``. Tests compare the result with the tables and ``HEAD`` with the newest revision. Revisions that were released
are never edited.
"""

HEAD = "0002"
"""The newest revision, known without importing Alembic so that opening an up-to-date workspace stays fast."""
