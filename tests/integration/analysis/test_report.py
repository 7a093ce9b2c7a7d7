"""The report: what stands in it, in which order, and that nobody's small number leaves with it."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from analysis import compare, load, write
from tests.unit.analysis import study

TIDY = {f"{name}.{kind}" for name in ("estimates", "sensitivity") for kind in ("csv", "json")}
FOLDERS = {"report.html", *TIDY, "provenance.json", "tables", "figures"}


def made(folder: Path, rows: study.Rows | None = None, plan: str = study.PLAN) -> Path:
    """A report on the invented study, or on one with changed rows or plan."""
    write(compare(load.read(study.write(folder / "bundle", rows, plan))), folder / "out")
    return folder / "out"


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One report, made once and only read."""
    return made(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(out: Path) -> str:
    return (out / "report.html").read_text(encoding="utf-8")


def tidy(out: Path, table: str) -> dict[tuple[str, str, str], str]:
    """A table as (row, column, statistic) -> value."""
    with (out / "tables" / f"{table}.csv").open(newline="", encoding="utf-8") as file:
        return {(line["row"], line["column"], line["statistic"]): line["value"] for line in csv.DictReader(file)}


def text_of(page: str) -> str:
    """The words of a page, without its style."""
    return re.sub(r"<[^>]+>", " ", page[page.index("</head>") :])


# ---------------------------------------------------------------------------- order and words


def test_it_has_every_part_in_order(page: str) -> None:
    assert re.findall(r"<h2>([^<]+)</h2>", page) == [
        "In short",
        "Design",
        "People",
        "How alike the arms are",
        "What was delivered",
        "Primary outcome",
        "Other planned outcomes",
        "Depression at 6 months",
        "GP attendances",
        "Missing data",
        "Harms",
        "Risk of bias",
        "Departures from the plan",
        "Every coefficient",
        "How this was made",
    ]


def test_every_planned_outcome_is_reported_in_the_order_of_the_plan(out: Path) -> None:
    rows = json.loads((out / "estimates.json").read_text(encoding="utf-8"))
    assert list(dict.fromkeys(row["outcome"] for row in rows)) == ["eq5d-6m", "phq9-6m", "gp"]


def test_sites_and_degrees_of_freedom_stand_before_any_estimate(page: str) -> None:
    head = re.search(r"<thead><tr>(.*?)</tr></thead>", page[page.index('id="table-primary"') :])
    assert head
    columns = re.findall(r"<th[^>]*>([^<]*)</th>", head[1])
    assert columns[:5] == ["Outcome", "People", "Sites by arm", "Degrees of freedom", "Estimate"]
    summary = text_of("</head>" + page[page.index('<section id="summary">') : page.index('<section id="design">')])
    assert "4 sites in one arm and 4 in the other" in summary


def test_the_summary_says_what_was_compared_the_answer_how_sure_and_what_could_change_it(page: str) -> None:
    summary = text_of("</head>" + page[page.index('<section id="summary">') : page.index('<section id="design">')])
    for words in (
        "People in the arm “Link worker” were compared with people in the arm “Usual care”.",
        "EQ-5D value at 6 months was 0.020 lower in “Link worker” than in “Usual care” (95% interval −0.086 to 0.047)",
        "adjusted for the baseline score, age and sex",
        "A difference of zero lies inside the interval: the data do not settle whether there is a difference.",
        "How sure:",
        "134 of the 160 people in the study could be analysed (84%).",
        "What could change this answer:",
        "Nobody drew lots",
        "There are few sites",
    ):
        assert words in summary


def test_the_word_effect_stands_on_no_uncontrolled_change(page: str) -> None:
    said = " ".join(text_of(page).split())
    for held in ("with person and period effects", "person effects"):  # what a model holds, not what it found
        said = said.replace(held, "")
    uses = re.findall(r"[^.]*\beffects?\b[^.]*\.", said, flags=re.IGNORECASE)
    assert {" ".join(use.split()) for use in uses} <= {
        "A change in one arm is not an effect: people enter such studies at a bad moment and many are better later with "
        "nothing done (regression to the mean).",
        "Criteria for controlled before-after studies of the Cochrane Effective Practice and Organisation of Care group.",
    }


def test_no_p_value_stands_in_the_baseline_table(out: Path) -> None:
    statistics = {statistic for _, _, statistic in tidy(out, "baseline")}
    assert statistics == {"mean", "sd", "count", "percent", "standardised_difference"}


def test_differences_at_baseline_are_marked_by_their_size(page: str) -> None:
    baseline = page[page.index('id="table-baseline"') : page.index('<section id="delivery">')]
    for value, mark in re.findall(r"<td class=\"number\">(−?\d\.\d\d)( · over [\d.]+)?</td>", baseline):
        size = abs(float(value.replace("−", "-")))
        assert mark == ("" if size <= 0.1 else " · over 0.1" if size <= 0.25 else " · over 0.25")


def test_the_drift_to_expect_stands_beside_every_change_within_an_arm(page: str, out: Path) -> None:
    assert page.count("A change in one arm is not an effect") == 1, "said once, where it comes first"
    assert page.index("A change in one arm") < page.index('<section id="others">')
    for outcome in ("eq5d-6m", "phq9-6m"):
        drifts = [float(value) for (_, column, _), value in tidy(out, f"within-{outcome}").items()
                  if column == "Drift to expect"]  # fmt: skip
        assert len(drifts) == 2
        assert min(drifts) < 0 < max(drifts), "the lower arm drifts up and the higher down"


# ---------------------------------------------------------------------------- numbers


def test_people_in_the_flow_add_up(out: Path) -> None:
    flow = tidy(out, "flow")
    for arm in ("Link worker", "Usual care"):
        study_size = int(flow["In the study", arm, "count"])
        for timepoint in ("3 months", "6 months"):
            parts = [int(value) for (row, column, statistic), value in flow.items()
                     if timepoint in row and column == arm and statistic == "count"]  # fmt: skip
            assert sum(parts) == study_size == 80


def test_contacts_are_those_of_the_records(out: Path) -> None:
    contacts = study.tables()["contacts"]
    attended = [contact for contact in contacts if contact["attendance"] == "attended"]
    found = tidy(out, "contacts")
    arm = "Link worker"
    assert int(found["Contacts, all", arm, "count"]) == len(contacts)
    assert int(found["Attended, all", arm, "count"]) == len(attended)
    assert float(found["Attended contacts per person: mean (SD)", arm, "mean"]) == pytest.approx(len(attended) / 80)
    minutes = sum(contact["minutes"] for contact in attended)
    assert float(found["Minutes with the person, per person: mean (SD)", arm, "mean"]) == pytest.approx(minutes / 80)
    assert float(found["Minutes per attended contact: mean (SD)", arm, "mean"]) == pytest.approx(
        minutes / len(attended)
    )
    phone = sum(contact["mode"] == "phone" for contact in attended)
    assert int(found["Attended: phone", arm, "count"]) == phone


def test_contacts_of_the_comparison_arm_would_show(tmp_path: Path) -> None:
    rows = study.tables()
    first = rows["contacts"][0]
    for place in range(12):
        rows["referrals"].append(rows["referrals"][0] | {"referral": f"x{place}", "person": f"s8-{place}"})
        rows["contacts"].append(first | {"contact": f"x{place}", "person": f"s8-{place}", "referral": f"x{place}"})
    found = tidy(made(tmp_path, rows), "contacts")
    assert found["With at least one attended contact", "Usual care", "count"] == "12"


def test_signposts_add_up_over_categories_and_outcomes(out: Path) -> None:
    found = {key[:2]: int(value) for key, value in tidy(out, "signposts").items() if key[2] == "count"}
    for column in ("Signposts", "Attended", "Did not attend", "Not known yet"):
        assert found["All", column] == found["Arts and craft", column] + found["Welfare and debt advice", column]
    assert found["All", "Signposts"] == 80


def test_caseload_counts_the_people_open_on_the_day(out: Path) -> None:
    found = tidy(out, "caseload")
    entered = [
        person["entered_on"] for person in study.tables()["people"] if person["site"] in ("s1", "s2", "s3", "s4")
    ]
    by_end_of_march = sum(day.month == 3 for day in entered)
    assert int(found["31 March 2024", "People open", "count"]) == by_end_of_march
    assert float(found["31 March 2024", "People per full-time post", "per_fte"]) == by_end_of_march / 0.8


def test_closed_referrals_leave_the_caseload(tmp_path: Path) -> None:
    rows = study.tables()
    from datetime import date

    for referral in rows["referrals"][:30]:
        referral["closed_on"] = date(2024, 6, 15)
        referral["closure_reason"] = "completed"
    found = tidy(made(tmp_path, rows), "caseload")
    assert found["30 June 2024", "People open", "count"] == "50"


def test_rates_are_events_over_person_years(out: Path) -> None:
    found = {key[:2]: value for key, value in tidy(out, "rates-gp").items() if key[2] in ("count", "person_years")}
    use = [line for line in study.tables()["service_use"] if line["person"][:2] in ("s1", "s2", "s3", "s4")]
    after = [line for line in use if line["from_on"].month != line["until_on"].month and line["count"] is not None]
    events = sum(line["count"] for line in after if (line["until_on"] - line["from_on"]).days == 182)
    assert int(found["Events from entry on", "Link worker"]) == events
    assert float(found["Person-years from entry on", "Link worker"]) == pytest.approx(80 * 182 / 365.25)


def test_the_tidy_estimates_have_their_columns_and_agree_in_both_forms(out: Path) -> None:
    with (out / "estimates.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    rows = json.loads((out / "estimates.json").read_text(encoding="utf-8"))
    assert list(lines[0]) == [
        "outcome", "timepoint", "term", "estimate", "std_error", "df", "conf_low", "conf_high", "p_value", "n",
        "n_clusters", "method", "scale", "unit", "p_adjusted",
    ]  # fmt: skip
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        assert line["term"] == row["term"]
        assert float(line["estimate"]) == row["estimate"]
        assert float(line["conf_low"]) == row["conf_low"]


def test_the_page_shows_the_numbers_of_the_tidy_files(page: str, out: Path) -> None:
    primary = tidy(out, "primary")
    row = "EQ-5D value at 6 months: difference"
    shown = page[page.index('id="table-primary"') :]
    assert f"{float(primary[row, 'Estimate', 'estimate']):.3f}".replace("-", "−") in shown
    assert f"{float(primary[row, 'Degrees of freedom', 'df']):.1f}" in shown


def test_how_it_was_made_names_versions_hashes_seed_and_command(page: str, out: Path) -> None:
    made_of = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    assert set(made_of["Versions"]) == {"link-worker-kit", "python", "numpy", "scipy", "pandas", "matplotlib"}
    people = hashlib.sha256((out.parent / "bundle" / "people.csv").read_bytes()).hexdigest()
    assert made_of["SHA-256 of the files read"]["people.csv"] == people
    from instruments.plan import parse

    assert made_of["Plan"]["SHA-256"] == parse(study.PLAN).sha256
    assert made_of["Seed"].startswith("20260101")
    assert people in page


def test_the_same_data_and_plan_give_the_same_report(out: Path, tmp_path: Path) -> None:
    again = made(tmp_path)
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        assert path.read_bytes() == (again / path.relative_to(out)).read_bytes(), path.name


def test_it_has_its_files_and_no_others(out: Path) -> None:
    assert {path.name for path in out.iterdir()} == FOLDERS
    assert {path.suffix for path in (out / "tables").iterdir()} == {".csv"}
    assert {path.suffix for path in (out / "figures").iterdir()} == {".svg"}


# ---------------------------------------------------------------------------- variations


def test_a_changed_plan_is_a_departure(tmp_path: Path) -> None:
    bundle = study.write(tmp_path / "bundle")
    plan = tmp_path / "plan.toml"
    plan.write_text(study.PLAN.replace('sex = "category"\n', ""), encoding="utf-8")
    write(compare(load.read(bundle, plan)), tmp_path / "out")
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "The plan given is not the plan that travelled with the data: their hashes differ." in page


def test_where_nothing_departed_it_says_so(page: str) -> None:
    assert "Nothing departed from the plan." in page


def test_few_sites_are_a_plain_warning_and_no_p_value(tmp_path: Path) -> None:
    rows = study.tables()
    keep = ("s1", "s2", "s7", "s8")
    for table, rest in rows.items():
        if table in ("sites", "allocations", "people"):
            rows[table] = [line for line in rest if line["site"] in keep]
        elif table not in ("arms", "posts", "resources", "assignments", "item_responses"):
            rows[table] = [line for line in rest if line["person"].split("-")[0] in keep]
    known = {line["referral"] for line in rows["referrals"]}
    rows["assignments"] = [line for line in rows["assignments"] if line["referral"] in known]
    out = made(tmp_path, rows)
    assert "One arm has only 2 sites." in (out / "report.html").read_text(encoding="utf-8")
    estimates = json.loads((out / "estimates.json").read_text(encoding="utf-8"))
    assert {row["p_value"] for row in estimates} == {None}


def test_a_study_without_contacts_says_so(tmp_path: Path) -> None:
    rows = {name: lines for name, lines in study.tables().items()
            if name not in ("contacts", "signposts", "referrals", "assignments", "posts")}  # fmt: skip
    page = (made(tmp_path, rows) / "report.html").read_text(encoding="utf-8")
    assert "The data hold nothing about contacts or signposts." in page


def test_a_plan_with_a_count_alone_makes_a_report(tmp_path: Path) -> None:
    plan = study.PLAN[: study.PLAN.index("[[outcomes]]")]
    plan += '[[outcomes]]\nid = "gp"\nlabel = "GP attendances"\nsetting = "gp"\nprimary = true\n'
    out = made(tmp_path, plan=plan)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "GP attendances per person-year in “Link worker” were 0.91 times those in “Usual care”" in page
    assert list((out / "tables").glob("rates-gp.csv"))


def test_the_words_of_the_plan_cannot_become_markup(tmp_path: Path) -> None:
    plan = study.PLAN.replace('label = "Usual care"', 'label = "<script>alert(1)</script> {0}"')
    page = (made(tmp_path, plan=plan) / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {0}" in page


def test_a_text_that_a_spreadsheet_would_run_is_made_safe(tmp_path: Path) -> None:
    rows = study.tables()
    for line in rows["people"]:
        rows.setdefault("characteristics", []).append(
            {"person": line["person"], "name": "town", "value": "=2+2" if line["sex"] == "male" else "Elm"}
        )
    plan = study.PLAN.replace('sex = "category"', 'town = "category"')
    out = made(tmp_path, rows, plan)
    assert not re.search(r"(^|,)=", (out / "estimates.csv").read_text(encoding="utf-8"), flags=re.MULTILINE)


# ---------------------------------------------------------------------------- small numbers


@pytest.fixture(scope="module")
def thin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report on a study in which three people of one arm were lost, and four had another sex recorded."""
    rows = study.tables()
    lost = {"s1-0", "s2-0", "s3-0"}
    missing = {line["assessment"] for line in rows["assessments"]
               if line["timepoint"] == "6m" and line["instrument"] == "eq5d-5l"}  # fmt: skip
    whole = {line["person"] for line in rows["assessments"] if line["assessment"] in missing}
    template = next(line for line in rows["assessments"] if line["assessment"] in missing)
    score = next(line for line in rows["scores"] if line["assessment"] == template["assessment"])
    for person in rows["people"]:
        name = person["person"]
        if name in lost:
            rows["assessments"] = [line for line in rows["assessments"] if line["assessment"] != f"{name}.eq5d-5l.6m"]
            rows["scores"] = [line for line in rows["scores"] if line["assessment"] != f"{name}.eq5d-5l.6m"]
        elif name not in whole:
            from datetime import timedelta

            key = {"assessment": f"{name}.eq5d-5l.6m", "person": name}
            rows["assessments"].append(template | key | {"assessed_on": person["entered_on"] + timedelta(182)})
            rows["scores"].append(score | key)
    for person in rows["people"][100:104]:
        person["sex"] = "other"
    return made(tmp_path_factory.mktemp("thin"), rows)


def test_a_small_loss_is_not_shown_nor_what_would_give_it_away(thin: Path) -> None:
    flow = tidy(thin, "flow")
    assert flow["Not measured at 6 months: Not recorded", "Link worker", "count"] == "<10"
    assert flow["Measured: 6 months", "Link worker", "count"] == "withheld"
    assert flow["Measured: 6 months", "Usual care", "count"] == "80"


def test_people_analysed_stand_with_the_outcomes_that_they_are_of(page: str, out: Path) -> None:
    assert {row for row, _, _ in tidy(out, "analysed")} == {"EQ-5D value at 6 months"}
    assert {row for row, _, _ in tidy(out, "analysed-others")} == {"Depression at 6 months", "GP attendances"}
    places = [page.index(part) for part in ('id="primary"', 'id="table-analysed"', 'id="others"',
                                            'id="table-analysed-others"', 'id="table-others"')]  # fmt: skip
    assert places == sorted(places)
    titles = re.findall(r'<h3 id="table-[^"]+">([^<]+)</h3>', page)
    assert len(titles) == len(set(titles)), "who listens tells tables apart by their titles"


def test_what_is_withheld_in_one_table_is_withheld_in_every_other(thin: Path) -> None:
    analysed = tidy(thin, "analysed")
    assert analysed["EQ-5D value at 6 months", "Link worker", "count"] == "withheld"
    assert analysed["EQ-5D value at 6 months", "Both", "count"] == "withheld"
    course = tidy(thin, "course-eq5d-5l-value")
    assert course["6 months", "Link worker, people", "count"] == "withheld"
    assert tidy(thin, "within-eq5d-6m")["Link worker", "People measured twice", "count"] == "withheld"
    estimates = json.loads((thin / "estimates.json").read_text(encoding="utf-8"))
    assert {row["n"] for row in estimates if row["outcome"] == "eq5d-6m"} == {"withheld"}
    epoc = tidy(thin, "epoc")
    assert epoc["At least 80% followed up: Link worker", "What the data say", "percent"] == "withheld"
    assert epoc["Losses alike in both arms", "What the data say", "percentage_points"] == "withheld"


def test_the_sentences_withhold_it_too(thin: Path) -> None:
    text = text_of((thin / "report.html").read_text(encoding="utf-8"))
    assert "How many of the people in the study could be analysed is withheld: somebody could be recognised." in text
    assert not re.search(r"\b(77|157) of the 160", text)


def test_a_small_level_is_not_shown_nor_the_next_smallest(thin: Path) -> None:
    baseline = tidy(thin, "baseline")
    shown = {row: value for (row, arm, statistic), value in baseline.items()
             if row.startswith("Sex") and arm == "Usual care" and statistic == "count"}  # fmt: skip
    assert shown["Sex: Other"] == "<10"
    assert sorted(value for value in shown.values() if not value.isdigit()) == ["<10", "withheld"]


def test_no_count_from_one_to_nine_leaves_in_any_file(thin: Path) -> None:
    for path in (thin / "tables").glob("*.csv"):
        for (row, column, statistic), value in tidy(thin, path.stem).items():
            if statistic == "count":
                assert value == "0" or not value.isdigit() or int(value) >= 10, (path.stem, row, column)


def test_an_arm_too_small_to_show_withholds_the_estimate(tmp_path: Path) -> None:
    rows = study.tables()
    far = {f"s{site}-{place}" for site in range(5, 9) for place in range(2, 20)}
    rows["scores"] = [line for line in rows["scores"] if not (line["person"] in far and line["instrument"] == "phq9")]
    out = made(tmp_path, rows)
    estimates = json.loads((out / "estimates.json").read_text(encoding="utf-8"))
    phq9 = [row for row in estimates if row["outcome"] == "phq9-6m"]
    assert {row["estimate"] for row in phq9} == {None}
    assert {row["std_error"] for row in phq9} == {None}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Depression at 6 months: too few people were analysed for the result to be shown." in page


def test_the_plan_may_let_every_count_through(tmp_path: Path) -> None:
    rows = study.tables()
    for person in rows["people"][100:104]:
        person["sex"] = "other"
    out = made(tmp_path, rows, study.PLAN + "\n[analysis]\nsmall_number = 1\n")
    assert tidy(out, "baseline")["Sex: Other", "Usual care", "count"] == "4"


# ---------------------------------------------------------------------------- as a page


class Outline(HTMLParser):
    """Elements, ids and what would be fetched."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.fetched: list[str] = []
        self.unlabelled: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = dict(attrs)
        self.tags.append(tag)
        if known.get("id"):
            self.ids.append(str(known["id"]))
        self.fetched += [str(known[name]) for name in ("src", "data", "action") if name in known]
        if tag == "link":
            self.fetched.append(str(known.get("href")))
        if tag == "svg" and not known.get("aria-label"):
            self.unlabelled.append(tag)


@pytest.fixture(scope="module")
def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    return parser


def test_the_page_needs_nothing_else(outline: Outline, page: str) -> None:
    assert outline.fetched == []
    assert not {"script", "link", "img", "iframe", "object"} & set(outline.tags)
    assert "@import" not in page
    assert "url(http" not in page


def test_every_figure_says_in_words_what_it_shows(outline: Outline, page: str) -> None:
    assert outline.tags.count("svg") == 10
    assert outline.unlabelled == []
    assert re.search(r'aria-label="Line chart over time. Link worker goes from [\d.]+ to [\d.]+; Usual care goes', page)


def test_ids_stand_once_though_two_figures_are_inside(outline: Outline) -> None:
    own = [
        name
        for name in outline.ids
        if not re.match(r"(figure|axes|patch|line2d|text|xtick|ytick|matplotlib|Line)", name)
    ]
    assert len(own) == len(set(own))


def test_every_link_of_the_contents_leads_somewhere(page: str, outline: Outline) -> None:
    links = re.findall(r'href="#([^"]+)"', page[page.index("<nav") : page.index("</nav>")])
    assert len(links) == 15
    assert set(links) <= set(outline.ids)


@pytest.mark.parametrize("width", [390, 1280])
def test_it_fits_a_phone_and_a_desk_and_asks_the_network_for_nothing(width: int, out: Path, chromium: Browser) -> None:
    view = chromium.new_page(viewport={"width": width, "height": 900})
    requests: list[str] = []
    view.on("request", lambda request: requests.append(request.url))
    view.goto((out / "report.html").as_uri())
    assert view.evaluate("document.documentElement.scrollWidth") == width
    assert requests == [(out / "report.html").as_uri()]
    wide = view.evaluate(
        "[...document.querySelectorAll('.table')].filter(box => box.scrollWidth > box.clientWidth)"
        ".every(box => getComputedStyle(box).overflowX === 'auto')"
    )
    assert wide, "a table that is wider than the page scrolls in its own box"
    view.close()


def test_a_keyboard_reaches_a_table_that_scrolls(out: Path, chromium: Browser) -> None:
    view = chromium.new_page(viewport={"width": 390, "height": 900})
    view.goto((out / "report.html").as_uri())
    boxes: list[Any] = view.evaluate(
        "[...document.querySelectorAll('.table')].map(box => [box.tabIndex, box.getAttribute('role'),"
        " document.getElementById(box.getAttribute('aria-labelledby'))?.textContent])"
    )
    assert boxes
    for tab_index, role, label in boxes:
        assert (tab_index, role) == (0, "region")
        assert label
    view.close()


def test_axe_finds_no_fault(out: Path, chromium: Browser) -> None:
    from axe_playwright_python.sync_playwright import Axe

    for width in (390, 1280):
        view = chromium.new_page(viewport={"width": width, "height": 900})
        view.goto((out / "report.html").as_uri())
        found = Axe().run(view)
        assert found.violations_count == 0, found.generate_report()
        view.close()


def test_printed_it_leaves_the_contents_out_and_the_tables_whole(out: Path, chromium: Browser) -> None:
    view = chromium.new_page()
    view.goto((out / "report.html").as_uri())
    view.emulate_media(media="print")
    assert view.evaluate("getComputedStyle(document.querySelector('nav')).display") == "none"
    assert view.evaluate("getComputedStyle(document.querySelector('.table')).overflow") == "visible"
    assert view.pdf().startswith(b"%PDF")
    view.close()
