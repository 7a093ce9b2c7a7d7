"""The wording of an instrument, as a file or pasted."""

from __future__ import annotations

from flask_wtf.file import FileField
from wtforms.validators import ValidationError

from .checks import at_most
from .fields import TextBlock
from .page_form import PageForm


class WordingForm(PageForm):
    file = FileField("A file")
    text = TextBlock("Or paste what is in it", [at_most(200_000)])

    def validate_file(self, field: FileField) -> None:
        """What is in the file goes before what was pasted, and stands in the box if the form comes back."""
        if not field.data:
            return
        try:
            self.text.data = field.data.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValidationError("The file is not text in UTF-8. Save it as UTF-8, and choose it again.") from None
        self.text.raw_data = [self.text.data]

    def validate_text(self, field: TextBlock) -> None:
        if not field.data and not self.file.errors:
            raise ValidationError("Choose a file, or paste what is in it")
