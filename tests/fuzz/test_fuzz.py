"""What strangers write is read, or refused as it should be; no cell of an export is a formula.

A short run; `make fuzz` tries a thousand times as much, see docs/security.md.
"""

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fuzz.calc import find_calc, formulas_in_calc
from tests.fuzz.cells import FORMS, exported, fill, formulas, rows_of
from tests.fuzz.readers import READERS
from timApp.database.engine import open_engine


@pytest.mark.parametrize("name", READERS)
@settings(max_examples=40, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_is_read_is_read_or_refused(name: str, data: st.DataObject) -> None:
    """No text, bytes or JSON is met with another error than the one that says it is none."""
    READERS[name].try_on(data.draw(READERS[name].inputs))


def test_a_reader_that_fails_is_found() -> None:
    """The runs say something: an error that is not meant gets through."""
    careless = READERS["seat"].__class__(st.text(), lambda text: text.encode()[3], (ValueError,))

    @settings(max_examples=60, derandomize=True, database=None, phases=[Phase.generate])
    @given(careless.inputs)
    def run(given_text: str) -> None:
        careless.try_on(given_text)

    with pytest.raises(IndexError):
        run()


@pytest.mark.parametrize("form", FORMS)
def test_no_cell_of_an_export_is_a_formula(engine: sa.Engine, form: str) -> None:
    """Whatever people and browsers are called; and all cells arrive, nine in each row."""
    fill(engine, 400, seed=7)
    how, others = FORMS[form]
    separator = ";" if form.endswith("semicolons") else ","
    text = exported(engine, how)
    rows = rows_of(text, separator)
    assert (len(rows), {len(row) for row in rows}) == (400, {9})
    assert sum(cell.startswith("'") for row in rows for cell in row) > 400
    assert list(formulas(text, separator, others)) == []


def test_libreoffice_finds_no_formula_in_any_form_of_an_export(sqlite_url: str) -> None:
    """It does where there is one; so what it does not find is none."""
    calc = find_calc()
    if calc is None:
        pytest.skip("LibreOffice is not installed (Debian: libreoffice-calc-nogui).")
    assert list(formulas_in_calc(calc, ["a,b\r\n=1+1,2\r\n"], ",")) == ["of:=1+1"]
    engine = open_engine(sqlite_url)
    fill(engine, 300, seed=11)
    for form, (how, others) in FORMS.items():
        separators = others.rstrip("\r\n") or ","
        assert list(formulas_in_calc(calc, [exported(engine, how)], separators)) == [], form
    engine.dispose()
