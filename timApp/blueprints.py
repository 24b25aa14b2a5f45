"""All addresses of the site: the pages and what programs ask, in blueprints."""

from flask import Blueprint

from timApp.auth.login import login
from timApp.auth.session.routes import sessions
from timApp.document.routes import documents
from timApp.gate.routes import gate
from timApp.hosts.questions.routes import hosts
from timApp.openapi import openapi
from timApp.pages.account.confirm import confirm
from timApp.pages.account.exam_browser import exam_browser
from timApp.pages.account.hand_in import hand_in
from timApp.pages.account.header_login import header_login
from timApp.pages.account.lti import lti
from timApp.pages.account.my_sessions import my_sessions
from timApp.pages.account.new_password import new_password
from timApp.pages.account.oidc import oidc
from timApp.pages.account.passkey_login import passkey_login
from timApp.pages.account.passkeys import passkeys
from timApp.pages.account.saml import saml
from timApp.pages.administer.failed_logins import failed_logins
from timApp.pages.administer.matching import matching
from timApp.pages.administer.overview import overview
from timApp.pages.administer.person import person
from timApp.pages.administer.receivers import receivers
from timApp.pages.administer.record import record
from timApp.pages.administer.session_list import session_list
from timApp.pages.documents.document_list import document_list
from timApp.pages.exams.acts import exam_acts
from timApp.pages.exams.browser import exam_settings
from timApp.pages.exams.exams import exams
from timApp.pages.monitoring.health import health
from timApp.pages.monitoring.metrics import metrics
from timApp.pages.people.account import account
from timApp.pages.people.acts import person_acts
from timApp.pages.people.lost_passkeys import lost_passkeys
from timApp.pages.people.people import people
from timApp.pages.people.roster import roster
from timApp.pages.people.tokens import tokens
from timApp.pages.supervise.console import supervise
from timApp.pages.supervise.decisions import decisions
from timApp.pages.supervise.links import links
from timApp.pages.supervise.servers import servers
from timApp.pages.supervise.several import several
from timApp.receivers.routes import signals
from timApp.ui.language import language
from timApp.ui.pages import ui

BLUEPRINTS: tuple[Blueprint, ...] = (
    openapi,
    health,
    metrics,
    sessions,
    login,
    hosts,
    documents,
    my_sessions,
    new_password,
    confirm,
    passkeys,
    passkey_login,
    oidc,
    header_login,
    lti,
    saml,
    hand_in,
    exam_browser,
    links,
    servers,
    several,
    supervise,
    decisions,
    overview,
    person,
    failed_logins,
    record,
    session_list,
    matching,
    people,
    account,
    person_acts,
    roster,
    lost_passkeys,
    exams,
    exam_acts,
    exam_settings,
    document_list,
    tokens,
    receivers,
    signals,
    language,
    ui,
    gate,
)
