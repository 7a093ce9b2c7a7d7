"""A page as somebody meets it: its title, its words, what stands in its form, and each error beside its field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "br", "hr", "img", "line", "circle"}


@dataclass
class Element:
    """A piece of a page: its attributes, and what is inside it in reading order."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    inside: list[Element | str] = field(default_factory=list)

    def __getitem__(self, attribute: str) -> str:
        return self.attributes.get(attribute, "")

    def walk(self) -> Iterator[Element]:
        yield self
        for each in self.inside:
            if isinstance(each, Element):
                yield from each.walk()

    def all(self, *tags: str, **attributes: str) -> list[Element]:
        wanted = {name.rstrip("_"): value for name, value in attributes.items()}
        return [
            each
            for each in self.walk()
            if each.tag in tags and all(value in each[name].split() for name, value in wanted.items())
        ]

    @property
    def text(self) -> str:
        return " ".join(self.raw.split())

    @property
    def raw(self) -> str:
        return "".join(each if isinstance(each, str) else each.raw for each in self.inside)


class _Builder(HTMLParser):
    """Builds the tree, and insists that every element is closed where it was opened."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open = [Element("page")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].inside.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].inside.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open[-1].tag == tag, f"<{self.open[-1].tag}> is closed by </{tag}>"
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.open[-1].inside.append(data)


class Page:
    """An answer of the application."""

    def __init__(self, status: int, location: str | None, html: str) -> None:
        self.status, self.location, self.html = status, location, html
        builder = _Builder()
        builder.feed(html)
        builder.close()
        self.root = builder.open[0]

    @cached_property
    def title(self) -> str:
        return self.root.all("title")[0].text

    @cached_property
    def main(self) -> Element:
        return self.root.all("main")[0]

    @property
    def text(self) -> str:
        return self.main.text

    @cached_property
    def ids(self) -> dict[str, Element]:
        return {each["id"]: each for each in self.root.walk() if each["id"]}

    @cached_property
    def errors(self) -> dict[str, str]:
        """The message beside each field, by the field's id."""
        spans = self.main.all("span", class_="nhsuk-error-message")
        return {each["id"].removesuffix("-error"): each.text.removeprefix("Error: ") for each in spans}

    @cached_property
    def summary(self) -> dict[str, str]:
        """The list of errors at the top: message, and the id that its link leads to (empty for the whole form)."""
        boxes = self.main.all("div", class_="nhsuk-error-summary")
        items = boxes[0].all("li") if boxes else []
        return {each.text: next((a["href"].removeprefix("#") for a in each.all("a")), "") for each in items}

    def reads_out(self, field_id: str) -> bool:
        """Whether some box or group says that this field's message describes it."""
        described = (each["aria-describedby"].split() for each in self.main.walk())
        return any(f"{field_id}-error" in ids for ids in described)

    @cached_property
    def form(self) -> Element:
        return next(each for each in self.main.all("form") if each["method"] == "post")

    @cached_property
    def names(self) -> set[str]:
        """Every name that the form can send."""
        return {each["name"] for each in self.form.all("input", "select", "textarea") if each["name"]}

    @cached_property
    def typed(self) -> dict[str, str]:
        """What the form would send as it stands."""
        return {name: value for each in self.form.walk() for name, value in _sent(each)}


def _sent(each: Element) -> Iterator[tuple[str, str]]:
    if each.tag == "textarea":
        yield each["name"], each.raw.removeprefix("\n")
    elif each.tag == "select":
        options = each.all("option")
        chosen = [option for option in options if "selected" in option.attributes] or options[:1]
        yield each["name"], chosen[0]["value"]
    elif each.tag == "input" and (each["type"] not in ("radio", "checkbox") or "checked" in each.attributes):
        yield each["name"], each["value"]


def check_rejected(page: Page, field_id: str, says: str) -> None:
    """The form came back: it says so in the title, in the list of errors, and beside the field."""
    assert page.status == 422, page.text
    assert page.title.startswith("Error: ")
    assert page.errors.get(field_id) == says, page.errors
    target = page.summary[says]
    assert target.removesuffix("-day").removesuffix("-month").removesuffix("-year") == field_id
    assert target in page.ids, "the link in the list of errors leads nowhere"
    assert page.reads_out(field_id)


def check_kept(page: Page, sent: Mapping[str, str]) -> None:
    """Everything that was typed or chosen stands in the form that came back."""
    lost = {name: (value, page.typed.get(name)) for name, value in sent.items() if page.typed.get(name, "") != value}
    assert not lost
