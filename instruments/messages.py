"""Everything that is said of a bad definition, in one place: where the fault is, what it is, what to do about it.

The file's name is put before each by `reading`; `where` is the path of ids inside the file (`scales.total`).
"""

from __future__ import annotations

from collections.abc import Mapping

FAULTS: Mapping[str, str] = {
    # the file and its fields
    "not-toml": "is not TOML ({error}); correct the line",
    "not-utf-8": "is not UTF-8 text; save it as UTF-8",
    "misnamed": "id and version say {wanted}; rename the file or correct them",
    "unknown-field": "{where}: is not a known field; use one of {known}",
    "missing-field": "{where}: is missing; add it",
    "not-a-table": "{where}: must be a table, not {value!r}; write it as key = value",
    "not-a-list": "{where}: must be a list, not {value!r}; put it in square brackets",
    "not-allowed": "{where}: unexpected value {value!r}; allowed: {allowed}",
    "wrong-kind": "{where}: must be {wanted}, not {value!r}; correct it",
    "empty": "{where}: is empty; write it, or leave the line out if it is not needed",
    # identity
    "bad-id": "{where}: '{id}' is not an id; use small letters, digits and single hyphens",
    "bad-part-id": "{where}: is not an id; use small letters, digits, hyphens and underscores",
    "bad-version": "{where}: '{version}' is not a version; use a whole number such as \"1\"",
    "twice": "{where}: is there twice; give each its own id",
    "none-at-all": "{where}: there are none; add at least one",
    "wording-not-ours": "{where}: has wording{quoted}; the licence is {kind}, so remove the wording and use a slot",
    # items
    "unknown-coding": "{where}: coding '{coding}' is not in this file; {remedy}",
    "options-and-coding": "{where}: has both options and coding; give one of them",
    "text-or-slot": "{where}: has both or neither of text and slot; give one, the wording or a label",
    "few-options": "{where}: a choice has {n} options; give two or more, or another kind",
    "choice-with-range": "{where}: a choice has no minimum or maximum; remove them, the options say what is allowed",
    "same-code": "{where}: code {code} stands for two options; give each option its own code",
    "range-with-options": "{where}: a {kind} has no options; remove them or make it a choice",
    "no-range": "{where}: a {kind} needs minimum and maximum; add them",
    "range-backwards": "{where}: minimum {low} is not below maximum {high}; swap or correct them",
    "not-an-answer": "{where}: {value!r} is not an answer to '{item}'; allowed: {allowed}",
    "asked-if-later": "{where}: asked_if names '{item}', which does not come before it; name an earlier item",
    # scales
    "unknown-part": "{where}: {kind} '{id}' is not in this instrument; use one of {known}",
    "item-twice": "{where}: item '{id}' is named twice; name it once",
    "not-of-this-scale": "{where}: '{id}' is not among the items of the scale; use one of {known}",
    "negative-digits": "{where}: digits is {digits}; give 0 or more decimals",
    "ages-backwards": "{where}: lowest age {low} is above highest age {high}; swap or correct them",
    "min-answered": "{where}: min_answered is {n} for {n_items} items; give 1 to {n_items}",
    "min-of-form": "{where}: min_of_form is {n} for {n_items} items of the form; give 1 to {n_items}",
    "fill": "{where}: min_answered is {n} of {n_items}, fill is {fill}; "
    "say what stands in for a missing answer exactly when one may be missing",
    "not-recoded": "{where}: recode does not say what {codes} of '{id}' becomes; give every code",
    "reversed-and-recoded": "{where}: '{id}' is changed twice; reverse it or recode it, once",
    "table-with-fill": "{where}: a table needs whole sums, and fill gives fractions; remove one of them",
    "not-in-table": "{where}: the table has no entry for {number}; give one for each of {low} to {high}",
    # bands
    "band-twice": "{where}: band '{id}' is there twice; give each band its own id",
    "band-backwards": "{where}: band '{id}' runs from {low} to {high}; swap or correct them",
    "bands-apart": "{where}: bands '{lower}' and '{upper}' {fault}; let '{upper}' start at {start}",
    "bands-short": "{where}: bands run from {low} to {high}; let them cover the range {minimum} to {maximum}",
    # methods and value sets
    "unknown-method": "{where}: method '{method}' is not known; use one of {known}",
    "unknown-parameter": "{where}: method '{method}' takes no parameter '{name}'; remove it",
    "missing-parameter": "{where}: method '{method}' needs the parameter '{name}'; add it",
    "one-item": "{where}: method 'item' takes one item, not {n}; name one or use another method",
    "six-items": "{where}: method '{method}' takes days and minutes of three activities, not {n} items; name six",
    "no-value-set": "{where}: method '{method}' uses no value set; remove it",
    "value-needs-all": "{where}: a value needs every item; let min_answered be {n}",
    "other-dimensions": "{where}: items differ from those of '{id}'; let them be {known}",
    "range": "{where}: range is {minimum} to {maximum} but its items give {low} to {high}; "
    "correct the range or the items",
    # worked examples
    "not-proven": "{where}: no worked example gives its score; add one with its source",
    "example-fails": "{where}: {id} has {field} {got}, not {wanted}; correct the example or the scale",
    "as-said": "{where}: {what}",
    # wording that is put into slots
    "other-instrument": "{where}: is the wording of {id}, version {version}; "
    "give that of {wanted}, version {wanted_version}",
    "printed-already": "{where}: the wording of {id} ships with the kit; there is no slot to fill",
    "no-words": "{where}: has no words; add its text",
    "no-label": "{where}: option {code} has no label; add it",
    "unknown-option": "{where}: there is no option {code}; allowed: {allowed}",
    "ends-of-a-choice": "{where}: is a choice and has no ends; remove low_label and high_label, label its options",
}


def say(fault: str, /, **facts: object) -> str:
    """The words for a fault (a key of `FAULTS`), with its facts filled in."""
    return FAULTS[fault].format(**facts)
