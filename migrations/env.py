"""Runs the migrations on the connection it is handed."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context

from tracker.models import Base


def plain_type(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """Migrations name plain types, so that they keep working when the application's own types change."""
    plain = {"UtcDateTime": "sa.DateTime(timezone=True)", "Encrypted": "sa.LargeBinary()"}
    return plain.get(type(item).__name__, False) if kind == "type" else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
    render_item=plain_type,
)
with context.begin_transaction():
    context.run_migrations()
