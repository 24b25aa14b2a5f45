"""The form in which an administrator plans an exam, and changes one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from timApp.auth.site import db
from timApp.document.planned import Faults, faults_of
from timApp.guard.exams.browser import NO_BROWSER, BrowserPlan, plan_browser
from timApp.guard.exams.plan import ExamPlan
from timApp.guard.rules.exam import EXAM_POLICY, Part, changeable
from timApp.guard.rules.exambrowser import BrowserRule
from timApp.guard.rules.policy import AfterEnd, DeviceRule, OverLimit, Policy
from timApp.pages.choice import read_choice
from timApp.pages.exams.present import Present, wall_text
from timApp.ui.language import site_zone
from timApp.util.errors import Conflict, TimError
from timApp.util.localtime import moment_of

#: The names of the fields, and what each of them is.
_PARTS = {
    "title": Part.TITLE,
    "from": Part.START,
    "to": Part.END,
    "groups": Part.MORE_GROUPS,
    "documents": Part.DOCUMENTS,
    "supervisors": Part.SUPERVISORS,
    "over_limit": Part.POLICY,
    "after_end": Part.POLICY,
    "device": Part.POLICY,
    "browser": Part.BROWSER,
    "config_key": Part.BROWSER,
    "browser_keys": Part.BROWSER,
}
EXAM_FIELDS = frozenset(_PARTS)
#: Where the form says what operations say of an input.
_FIELDS_OF_INPUTS = {"document": "documents", Part.POLICY.field: "over_limit"}


@dataclass
class ExamForm:
    """What was filled in, what it means, and what is wrong with it."""

    #: What was filled in, by field.
    texts: dict[str, str] = field(default_factory=dict)
    policy: Policy = EXAM_POLICY
    browser: BrowserPlan = NO_BROWSER
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    #: The exam that it changes; None for a new one.
    present: Present | None = None
    #: Whether somebody else has changed the exam since the form was shown.
    is_stale: bool = False
    #: The fields that somebody else has changed since: those that nobody has touched here, which
    #: say what they are now, and those that both have changed, which say what was typed.
    taken_over: set[str] = field(default_factory=set)
    contested: set[str] = field(default_factory=set)
    #: What cannot be carried out, by field.
    errors: Faults = field(default_factory=dict)

    @property
    def status(self) -> int:
        """The HTTP status of the page that shows it."""
        if self.is_stale:
            return Conflict.status
        first = next((self.errors[name][0] for name in _PARTS if name in self.errors), None)
        return 200 if first is None else first.status

    def lines(self, name: str) -> list[str]:
        """Return the names in a field, of which each line has one."""
        lines = (line.strip() for line in self.texts.get(name, "").splitlines())
        return [line for line in lines if line]

    def plan(self) -> ExamPlan | None:
        """Return the exam that is to be; None if a field is at fault."""
        if self.errors or self.starts_at is None or self.ends_at is None:
            return None
        return ExamPlan(
            self.texts.get("title", ""),
            self.starts_at,
            self.ends_at,
            self.lines("groups"),
            self.lines("supervisors"),
            self.policy,
            self.browser,
        )

    def is_fixed(self, name: str) -> bool:
        """Tell whether what a field says cannot change any more."""
        return self.present is not None and _PARTS[name] not in changeable(self.present.phase)

    def blame(self, error: TimError) -> None:
        """Keep an error of the operations beside its field; raise one that is of no field."""
        name = _FIELDS_OF_INPUTS.get(error.field or "", error.field)
        if name not in EXAM_FIELDS:
            raise error
        self.errors.setdefault(name, []).append(error)


def shown_form(present: Present) -> ExamForm:
    """Return the form in which nothing was typed yet."""
    plan = present.plan
    texts, times = dict(present.texts), (plan.starts_at, plan.ends_at)
    return ExamForm(texts, plan.policy, plan.browser, *times, present)


def read_exam(
    fields: Mapping[str, str], present: Present | None = None, shown: str | None = None
) -> ExamForm:
    """Return the form with these fields; times without an offset are meant in the site's zone.

    Of an exam that is there, what is not among the fields stays as it is, and `shown` is the mark
    of what the form has shown. If the exam is another one by now, a field that still says what it
    had shown takes what the exam is now: nobody undoes what they have not touched. Errors of the
    fields that somebody types into are kept in the form.
    `BadInput` for a policy that does not exist.
    """
    texts = {} if present is None else dict(present.texts)
    texts |= {name: fields[name].strip() for name in EXAM_FIELDS if name in fields}
    form = ExamForm(texts, present=present)
    if present is not None and shown != present.mark:
        form.is_stale = True
        _take_over(form, present, shown or "")
    form.policy = Policy(
        read_choice(OverLimit, form.texts, "over_limit", EXAM_POLICY.over_limit),
        read_choice(AfterEnd, form.texts, "after_end", EXAM_POLICY.after_end),
        read_choice(DeviceRule, form.texts, "device", EXAM_POLICY.device),
    )
    form.browser = _read_browser(form)
    form.starts_at = _read_time(form, "from", present.plan.starts_at if present else None)
    form.ends_at = _read_time(form, "to", present.plan.ends_at if present else None)
    faults = faults_of(
        db,
        form.texts.get("title", ""),
        form.lines("groups"),
        form.lines("supervisors"),
        form.lines("documents"),
        times=(form.starts_at, form.ends_at)
        if present is None and form.starts_at is not None and form.ends_at is not None
        else None,
        exam_id=None if present is None else present.id,
    )
    form.errors |= faults
    return form


def _take_over(form: ExamForm, present: Present, shown: str) -> None:
    """Take what others have changed into a stale form, but for what was changed there, too."""
    marks = dict(mark.split(":", 1) for mark in shown.split() if ":" in mark)
    for name, theirs in present.texts.items():
        before, ours = marks.get(name), form.texts[name]
        is_other = present.mark_of(name, ours) != present.mark_of(name, theirs)
        if not is_other or before == present.mark_of(name, theirs):
            continue
        if before == present.mark_of(name, ours):
            form.texts[name] = theirs
            form.taken_over.add(name)
        else:
            form.contested.add(name)


def _read_browser(form: ExamForm) -> BrowserPlan:
    """Return what is asked for; what is wrong with a key is kept in the form."""
    rule = read_choice(BrowserRule, form.texts, "browser", BrowserRule.NO)
    try:
        return plan_browser(rule, form.texts.get("config_key", ""), form.lines("browser_keys"))
    except TimError as error:
        form.errors[error.field or "browser"] = [error]
        return BrowserPlan(rule)


def _read_time(form: ExamForm, name: str, present: datetime | None) -> datetime | None:
    """Return the moment that was typed; the present one if that stands there as it was shown.

    A field may show less of a time than there is to it: not which of two in the hour that is
    repeated.
    """
    text = form.texts.get(name, "")
    if present is not None and text == wall_text(present):
        return present
    try:
        return moment_of(text, site_zone(), name)
    except TimError as error:
        form.errors[name] = [error]
        return None
