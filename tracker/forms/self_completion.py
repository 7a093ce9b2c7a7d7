"""Asking somebody to answer alone, and what their own pages send."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wtforms.fields.choices import SelectChoice  # type: ignore[attr-defined]
from wtforms.validators import InputRequired

from ..queries.self_completion import WAYS
from .fields import CodeChecks, CodeRadio
from .page_form import OnceForm


class AskAloneForm(OnceForm):
    """Which instruments, and how they reach the person."""

    instruments = CodeChecks("What is asked", [InputRequired("Choose what the person is asked")], codes={})
    way = CodeRadio("How do they answer?", [InputRequired("Choose how they answer")], codes=WAYS)

    def __init__(self, *, offered: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(data={"instruments": list(offered)}, **kwargs)
        self.instruments.choices = [SelectChoice(id, label) for id, label in offered.items()]
