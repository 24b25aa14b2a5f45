"""Every option of the site, with its meaning, unit, default and consequence.

An option is changed in one of three places, the later one winning: a TOML file whose path is in
the environment variable `TIM_CONFIG`, with the option's name as the key; an environment variable
called `TIM_` and the option's name; or the mapping given to `create_app`. Lists and tables are
written as JSON in the environment. Where None is possible, `none` stands for it in the file and
in the environment. `timApp.config` checks all of it when the site starts, by the type of each
option: `timApp.optiontypes` says what each takes.
"""

from timApp.optiontypes.tables import GuardedHosts, LtiPlatforms, Network, Targets
from timApp.optiontypes.values import (
    AfterEndChoice,
    BaseUrl,
    ByteCount,
    CookieDomain,
    CookieName,
    Count,
    DatabaseUrl,
    Days,
    DeviceChoice,
    DocumentPaths,
    FilePath,
    Flag,
    FolderPath,
    GroupLimits,
    GroupNames,
    HeaderName,
    HostNames,
    Key,
    Keys,
    Limit,
    LogFormat,
    Networks,
    OverLimitChoice,
    ProxyHeaders,
    RenewalSeconds,
    Seconds,
    Secret,
    Secrets,
    TargetNames,
    Text,
    TimeZone,
    WayLabels,
    Ways,
)

# Whether logins are tracked as sessions, and people with an expired session are kept from
# documents. True or false. Default: True.
# When it is off, every session counts as valid and no document is ever blocked.
SESSIONS_ENABLE: Flag = True

# How many active sessions one person may have at once. A number, at least 1, or None, which means
# that there is no limit. Default: 1.
# A login above the limit makes a session that is expired from the start: it opens no document
# until a supervisor or an administrator verifies it.
SESSIONS_MAX_CONCURRENT_SESSIONS_PER_USER: Limit | None = 1

# How many active sessions the members of a group may have at once, instead of the number above. A
# table of group names and numbers, each at least 1, or None, which means that there is no limit.
# Default: {"Session supervisors": None}.
# Supervisors carry a phone and a laptop. Of a person who is in several of the groups, the most
# generous number counts.
SESSIONS_MAX_CONCURRENT_SESSIONS_PER_GROUP: GroupLimits = {"Session supervisors": None}

# What a login above the limit does: "block_new" (it is blocked), "expire_oldest" (it is let in, and
# the person's oldest session expires), "block_all" (it is blocked, and so is everything else of the
# person until a supervisor verifies one) or "observe" (nothing; it is recorded). Default:
# "block_new".
SESSIONS_OVER_LIMIT: OverLimitChoice = "block_new"

# What becomes of the next login of somebody whose session a supervisor or an administrator has
# invalidated or ended, or who has had a blocked login since: "free" (it takes a free slot as if
# nothing had happened) or "hold" (it is blocked, too, until a supervisor verifies). Default:
# "free".
# With "free", whoever was invalidated logs in again and reads on, and whoever is blocked gets in as
# soon as the first device logs out; "hold" is for exams. A blocked login is settled by a
# verification or by a supervisor's end of it, and not by the person's own logout. A browser in
# which the person's session goes on all the time is never held.
SESSIONS_AFTER_END: AfterEndChoice = "free"

# Which browsers may take a free slot: "any", or "same" (only those that had one last; others are
# blocked until a supervisor verifies). Default: "any".
# The first login of all is free. With "same", a person cannot log out and hand the slot on to
# somebody at another device. People without a limit of sessions are not bound. It is forgotten
# after SESSIONS_LIFETIME; a verification moves it to the browser that was verified.
SESSIONS_DEVICE: DeviceChoice = "any"

# After how many seconds without a request a session is over. A number of seconds above 0, or None,
# which means never. Default: None.
# Its slot is free then, and whoever has it logs in again. It is worked out from when the session
# was last seen, which is written down at least four times in that time.
SESSIONS_IDLE_END: Seconds | None = None

# After how many seconds from its login, or from its last verification, a session is over. A number
# of seconds above 0, or None, which means never. Default: None.
# Its slot is free then, and whoever has it logs in again.
SESSIONS_LIFETIME: Seconds | None = None

# After how many seconds the cookie of a login gets a new number. A number of seconds from 20 on, or
# None, which means never. Default: 60.
# Whoever comes with an older number after the newer one has been used has a copy of the cookie, or
# is the one whose cookie was copied. Then the session ends, and both wait in a blocked session of
# their own until a supervisor verifies one of them. A copy that is in use is found within two
# renewals. A client that takes new cookies has to keep all of them, as browsers do.
SESSIONS_TOKEN_RENEWAL: RenewalSeconds | None = 60

# After how many seconds administrators are asked for their password again before they do what
# changes much: exams, people and their rights, everybody's sessions, exports. A number of seconds
# above 0, or None, which means never. Default: 900.
# So whoever sits down at an administrator's browser later, or has a copy of its cookie, cannot do
# that. A passkey will do, too. Nobody is asked at the verification of a person, so that no hall
# waits. Whoever has neither a password of this site nor a passkey is not asked.
CONFIRM_SECONDS: Seconds | None = 900

# The groups of which everybody has a passkey beside their password. A list of groups, such as
# ["Administrators", "Session supervisors"]. Default: [].
# Whoever has a passkey is asked for it after the password, whatever groups they are in. Members of
# these groups who have none are led to make one when they log in, and may do nothing else until
# they have. Passkeys are bound to the host of SITE_URL, or else of the address that is asked for;
# they need HTTPS, and after a change of the name they are good no more.
SECOND_FACTOR_GROUPS: GroupNames = []

# Whether people log in with a password of this site. True or false. Default: True.
# False = only by OIDC_ISSUER. Accounts are still made at the command line and by class lists, and
# an application that timApp is inside of is not asked.
LOCAL_PASSWORDS: Flag = True

# The OpenID provider by which people log in: its issuer, just as it calls itself. A base URL, or
# None = there is none. Default: None.
# Tell it that this site is at SITE_URL + "/oidc/callback", that it logs out at SITE_URL +
# "/oidc/backchannel-logout", and that logouts lead back to SITE_URL + "/login".
OIDC_ISSUER: BaseUrl | None = None

# What the provider calls this site. Text, or None. Default: None.
OIDC_CLIENT_ID: Text | None = None

# The secret with which this site asks the provider. Text, or None. Default: None.
OIDC_CLIENT_SECRET: Secret | None = None

# Which of the provider's claims is the user name. Text. Default: "preferred_username".
OIDC_NAME_CLAIM: Text = "preferred_username"

# Which of them has the groups; they replace those that somebody is in. Text, or None = groups are
# given here. Default: None.
# A group that is called "Administrators" there is that here, too.
OIDC_GROUPS_CLAIM: Text | None = None

# The header in which a proxy that logs people in says their user name, such as "X-Remote-User".
# Letters, digits and "-", or None = none is believed. Default: None.
# It is believed at /header/login alone, and only of a proxy at TRUSTED_HEADER_FROM. That proxy has
# to write the header anew at each request there, or take it away: whatever a visitor writes in it
# would be believed otherwise. See docs/identity.md.
TRUSTED_HEADER: HeaderName | None = None

# Where that proxy connects from. A list of networks and addresses such as ["127.0.0.1"].
# Default: [].
# It is the address of the connection itself, and nothing that a header says.
TRUSTED_HEADER_FROM: Networks = []

# The header in which it says the name of the person. Letters, digits and "-", or None = it does not
# say it. Default: None.
# The proxy has to write this one and the next two anew, too.
TRUSTED_HEADER_REAL_NAME: HeaderName | None = None

# That with the e-mail address. Letters, digits and "-", or None. Default: None.
TRUSTED_HEADER_EMAIL: HeaderName | None = None

# That with the groups, with commas or semicolons in between; they replace those that somebody is
# in. Letters, digits and "-", or None = groups are given here. Default: None.
# A group that is called "Administrators" there is that here, too.
TRUSTED_HEADER_GROUPS: HeaderName | None = None

# The learning platforms, such as Moodle and Canvas, in whose courses links lead to this site (LTI
# 1.3). A list of tables, each with "issuer", "client_id", "auth_url" and "keys_url" (where the
# platform has its logins and its keys), "deployments" (a list of ids) and perhaps "name_claim",
# which says what is the user name there, by default "custom.username". Default: [].
# Nobody gets a right by what they are there. SITE_URL has to begin with https://. What to write for
# Moodle and Canvas is in docs/identity.md.
LTI_PLATFORMS: LtiPlatforms = []

# The SAML 2 identity provider by which people log in, such as one of Haka: its metadata. The path
# of a file, or None = there is none. Default: None.
# It needs `timapp[saml]` and the program xmlsec1; SITE_URL has to begin with https://. Tell the
# provider SITE_URL + "/saml/metadata". See docs/identity.md.
SAML_IDP_METADATA: FilePath | None = None

# Which of the identity providers of that file it is, if there are several. Its entity id, or None =
# the only one. Default: None.
SAML_IDP: Text | None = None

# What the identity provider calls this site. An entity id, or None = SITE_URL + "/saml/metadata".
# Default: None.
SAML_ENTITY_ID: Text | None = None

# The key with which requests to the identity provider are signed. The path of a PEM file, or None =
# they are not signed. Default: None.
SAML_KEY_FILE: FilePath | None = None

# Its certificate, which is in the site's metadata. The path of a PEM file, or None. Default: None.
SAML_CERT_FILE: FilePath | None = None

# Which attribute is the user name. Text. Default: "eduPersonPrincipalName".
SAML_NAME_ATTRIBUTE: Text = "eduPersonPrincipalName"

# Which attribute is never another person's, such as "pairwise-id", so that somebody stays who they
# are when their user name changes. Text, or None = that of the user name. Default: None.
# After a change everybody comes for the first time.
SAML_SUBJECT: Text | None = None

# Which attribute has the groups; they replace those that somebody is in. Text, or None = groups are
# given here. Default: None.
# A group that is called "Administrators" there is that here, too.
SAML_GROUPS_ATTRIBUTE: Text | None = None

# The ways to log in whose user names are those of this site: "oidc", "header", "saml", "lti", and
# "application", the login of an application that has the site inside. A list of them. Default: [].
# Somebody who comes by such a way for the first time is the person who has that name here already.
# By any other way that is so only if the person has no password here and came by no way before, as
# after a class list. Whoever gives the names there opens any account here.
LINK_BY_NAME: Ways = []

# What the login page's buttons say, by the way: "oidc", "header" and "saml". A table of them and of
# texts, such as {"saml": "Haka"}. Default: {} (the page's own words).
LOGIN_LABELS: WayLabels = {}

# For how many days all is kept of a session. A whole number of days, at least 1, or None, which
# means for ever. Default: None.
# After so many days from its beginning the address and the browser are cleared (`origin`, and the
# address in each entry of the record of changes), also while it is active; after twice as many the
# session goes, unless it is active, and so do entries of the record. One that has ended stays at
# least for the 32 days in which a copy of its cookie could be shown. The record of a failed login
# goes after so many days. `timapp run` does it beside its work, a few hundred rows at a time, four
# times a day; `timapp db tidy` does it at once. What has gone does not come back when the number is
# raised.
SESSIONS_RETENTION: Days | None = None

# The server at which supervisors verify sessions. A base URL such as https://exam.example.org;
# None = the server that the blocked person is on. Default: None.
# It is where the QR code on the blocked page leads. The other server has to have the same
# SESSIONS_LINK_SECRET, or it will call the link a forgery.
SESSIONS_SUPERVISE_URL: BaseUrl | None = None

# The key that signs the links in QR codes and those of seats. Text of at least 16 characters;
# None = the secret key of this server. Default: None.
# Servers that read each other's links must share it. Whoever has it can make links, which say who
# waits for verification or where a browser stands, but verify nothing by themselves.
SESSIONS_LINK_SECRET: Key | None = None

# The networks of the exam, from which a supervisor who has scanned a QR code may decide at once. A
# list of networks and addresses such as ["10.1.0.0/16", "2001:db8::/32"]. Default: [] (from
# anywhere).
# Whoever scans from another address, such as with a phone in a mobile network, types the code that
# stands on the screen first: the picture itself may have been sent from anywhere.
SESSIONS_LINK_NETWORKS: Networks = []

# The targets that are told by default when a supervisor verifies or invalidates a session. A list
# of names of targets in DIST_RIGHTS_HOSTS or DIST_RIGHTS_NETWORK. Default: [].
# With an empty list, a verification counts on this server only, unless the supervisor chooses a
# target. A name that is in neither stops the start.
SESSIONS_VERIFY_TARGETS: TargetNames = []

# Documents that stay readable with an expired session, such as the instructions of an exam.
# Exact document paths, as they stand after /view/. Default: [].
# In place of the list an empty table will do, which is how TIM writes that there are none.
# Only the session is overlooked; a person without the right to the document is still refused.
SESSION_BLOCK_IGNORE_DOCUMENTS: DocumentPaths = []

# The other servers that are told when a session is verified or invalidated here. A name (the
# target) for each group of servers, with their base URLs:
# {"exam": {"hosts": ["https://exam1.example.org", "https://exam2.example.org"]}}. Default: {}.
# An empty table means that nothing is sent anywhere. A target without hosts is reported as an
# error each time something is sent to it.
DIST_RIGHTS_HOSTS: Targets = {}

# The same with names, for sites with many servers: "hosts" gives each server a name, "groups" puts
# servers together, "targets" are made of both:
# {"hosts": {"a1": "https://a1.example.org", "b1": "https://b1.example.org"},
#  "groups": {"hall a": ["a1"]}, "targets": {"exam": ["hall a", "b1"]}}. Default: {}.
# Messages and pages call the servers by these names. A name that stands for nothing, or for two
# things, stops the start. Targets of DIST_RIGHTS_HOSTS are there as well. Tables or lists called
# "distribute_groups" and "distribute_targets" are TIM's own, about rights and not about sessions:
# they may stand here and nothing follows from them.
DIST_RIGHTS_NETWORK: Network = {}

# The time zone of the site. The name of one in the IANA database, such as "Europe/Helsinki".
# Default: "UTC".
# Times of exams that are given without an offset from UTC are meant in it, and the command line
# shows times of exams in it. Pages show times in the reader's zone, and in this one to browsers
# that have not told theirs.
SITE_TIME_ZONE: TimeZone = "UTC"

# Hosts with other programs that this site guards, by way of a reverse proxy which asks at /gate/. A
# table of origins, each with its rules:
# {"https://lab.example.org": {"groups": ["Students"], "open": ["/public/*"],
# "open_to_blocked": ["/help"], "exam": "Algebra"}}. Default: {}.
# Whoever has a valid session and is in one of the groups (anybody, without groups) may pass; with
# an exam, those who sit it, while it runs. "open" are paths for everybody, "open_to_blocked" those
# for whoever is logged in, also with a blocked session; a "*" at the end stands for all below.
# SITE_URL has to say where people log in. See docs/gate.md.
GUARDED_HOSTS: GuardedHosts = {}

# What other servers call this one. A base URL such as https://exam.example.org; None = other
# servers know it by no address. Default: None.
# Requests that other servers have signed are held against it, and never against the Host header,
# which the caller writes: a request that was signed for another server is refused. With None, all
# signed requests of other servers are refused, in words that name this option; `timapp hosts check`
# shows them over there.
SITE_URL: BaseUrl | None = None

# Networks of your own that receivers may stand in, and may be told over plain HTTP. A list of
# networks and addresses, such as "10.1.2.0/24". Default: [].
# Receivers are what administrators have told of changes of sessions: webhooks, and Shared Signals.
# All others are told over HTTPS, and at public addresses only, so that nobody can have this server
# ask what stands beside it. See docs/webhooks.md.
WEBHOOK_NETWORKS: Networks = []

# The secret by which other servers know this one. Text, not empty. Default: None.
# It has to be one of the texts of DIST_RIGHTS_RECEIVE_SECRET over there. With None, nothing can be
# sent to other servers.
DIST_RIGHTS_SEND_SECRET: Secret | None = None

# The secret by which this server knows the servers that may verify and invalidate its sessions.
# Text, not empty, or a list of such texts, each of which is taken. Default: None.
# Whoever has it can verify anybody's session, so it should be long and random. A list is for the
# time in which the servers get a new one. With None, no other server is believed.
DIST_RIGHTS_RECEIVE_SECRET: Secrets | None = None

# Whether the other servers are known to sign what they ask, as timApp does. True or false.
# Default: False.
# With True, the secret is never sent, and requests that show it instead of a signature are
# refused, so that nothing that is read off the wire is of use to anybody. With False, servers that
# do not sign can be told and can tell; to a server that has once signed, the secret is not sent.
DIST_RIGHTS_SIGNED_ONLY: Flag = False

# How long each other server may take to answer. A number of seconds, above 0; fractions of them
# are possible. Default: 10.
# A server that takes longer is reported as failed, and told later. All are asked at the same time,
# so this is also about the longest that the person who verifies has to wait.
DIST_RIGHTS_TIMEOUT: Seconds = 10

# How long a server that did not answer is still told of a verification. A number of seconds,
# above 0. Default: 600 (10 minutes).
# After that nobody stands at the place any more; the verification is dropped and shown as dropped.
# An invalidation is told however long it takes.
DIST_RIGHTS_VERIFY_MAX_AGE: Seconds = 600

# Where the data is kept. An SQLAlchemy URL, sqlite:///file (relative to the working directory) or
# postgresql://user:password@host/database, or postgres:// as libpq has it, too; None = the SQLite
# file timapp.db in the folder INSTANCE_PATH. Default: None.
# PostgreSQL on several hosts, of which one is written to, is named as libpq does:
# postgresql://user:password@host1:5432,host2:5432/database?target_session_attrs=read-write; the one
# that takes writes is found at each new connection.
# After a change the site sees the data of the other database; nothing is moved there.
DATABASE_URL: DatabaseUrl | None = None

# The folder for what the site keeps for itself: the SQLite database and the secret key. A path,
# relative to the working directory. Default: "instance".
# After a change the site starts with an empty database, if DATABASE_URL is None, and with a new
# secret key, if SECRET_KEY is None.
INSTANCE_PATH: FolderPath = "instance"

# The key that signs the cookies. Text of at least 16 characters, which nobody should be able to
# guess; None = made at the first start and kept in the folder INSTANCE_PATH. Default: None.
# Whoever has it can log in as anybody. A new key logs everybody out, unless the old one is among
# SECRET_KEY_FALLBACKS. Servers that share the visitors of one address must share the key.
SECRET_KEY: Key | None = None

# Former values of SECRET_KEY, the oldest first. A list of texts, each of at least 16 characters.
# Default: [].
# Cookies, forms and links that were signed with one of them are still taken; new ones are signed
# with SECRET_KEY. So nobody is logged out when the key is changed. A cookie is taken for 31 days
# after it was signed, so a former key is of no use after that; whoever has it can log in as anybody
# as long as it is here.
SECRET_KEY_FALLBACKS: Keys = []

# What the login cookie is called. Letters, digits, "-" and "_". Default: "timapp".
# Two sites on one host, at different ports say, have to call theirs differently: a browser knows no
# ports. Sites below different prefixes need not, as each cookie is for its own prefix.
SESSION_COOKIE_NAME: CookieName = "timapp"

# The domain whose hosts all get the login cookie. A domain such as "example.org"; None = only the
# host at which people log in. Default: None.
# It is for a gate that guards other hosts of the domain (GUARDED_HOSTS). Every program on a host of
# the domain can read the cookie, so those have to be trusted.
SESSION_COOKIE_DOMAIN: CookieDomain | None = None

# Whether the login cookie is sent over HTTPS only. True or false; None = only when it was set
# over HTTPS. Default: None.
# With True, nobody can log in over plain HTTP. With False, the cookie can be read on the way.
# One that is sent over HTTPS only is called "__Host-" + SESSION_COOKIE_NAME, or, below a prefix,
# "__Secure-": so nobody else can put one in its place.
SESSION_COOKIE_SECURE: Flag | None = None

# For how long a browser that has come over HTTPS comes over nothing else. A whole number of
# seconds, or None, which means that it is told nothing. Default: None.
# It is for the whole host, with all other sites and ports of it, and cannot be taken back before it
# has passed: begin with an hour. 31_536_000 is a year. Only answers over HTTPS say it.
HSTS_SECONDS: Limit | None = None

# How many reverse proxies stand in front of the site, one behind the other; what they write about
# address, scheme, host, port and prefix is believed. A number, at least 0. Default: 0.
# Of each header, the value of the outermost of them counts: that at this place from the right, or
# the leftmost if there are fewer, as most proxies write the scheme anew or pass it on. Too high,
# and visitors can make up the address that is recorded for them. Too low, and everybody seems to
# come from the proxy, and HTTPS that ends at the proxy is not noticed. What does not fit the number
# is told in the log, once. See docs/proxies.md.
TRUSTED_PROXIES: Count = 0

# In which headers the trusted proxies write. "x-forwarded": X-Forwarded-For, -Proto, -Host, -Port
# and -Prefix, as nginx, Caddy, Traefik, HAProxy, Envoy and Apache do if not told otherwise.
# "forwarded": Forwarded, of RFC 7239. Default: "x-forwarded".
# The headers of the other kind are never read: proxies pass on what visitors write there.
TRUSTED_PROXY_HEADERS: ProxyHeaders = "x-forwarded"

# The names by which the site may be asked. A list of host names without ports; ".example.org"
# stands for example.org and all names that end so. None = that of SITE_URL, and localhost; any name
# if that is None, too. Default: None.
# A request that names another host in its Host header (or that of its proxy) is answered with
# status 400: it could have links made that lead elsewhere. A proxy has to pass on the name that the
# browser asked for. A health check that asks for localhost is answered so, too, unless localhost
# is in the list.
TRUSTED_HOSTS: HostNames | None = None

# The largest request that is read. Bytes, at least 1. Default: 1_048_576 (1 MiB).
# A larger one is answered with status 413. The forms to which administrators send documents and
# class lists take more, of whoever is logged in: 20 MiB and 10 MiB.
MAX_CONTENT_LENGTH: ByteCount = 1_048_576

# How long a request may take to arrive, from its first byte to its last. Seconds. Default: 10.0.
# Whoever takes longer is answered 408; an upload of more than MAX_CONTENT_LENGTH has a second more
# for each 128 KiB. A slow phone sends what this site asks for in a second or two; a client that
# never ends its requests takes a connection for so long, and nothing else.
REQUEST_TIMEOUT: Seconds = 10.0

# How many connections one address may have to one process of the server. A number, at least 1, or
# None, which means any number. Default: 4096.
# That is half of those that a process takes, and enough for a hall of a thousand behind one
# address. Behind a proxy (TRUSTED_PROXIES) it means nothing, for all of them come from there.
CONNECTIONS_PER_ADDRESS: Limit | None = 4096

# The token with which a program that watches the site asks for /metrics, as
# "Authorization: Bearer ...". Text of at least 16 characters; None = there is none. Default: None.
# Administrators see the numbers in any case. They name routes and other servers, and no person.
METRICS_TOKEN: Key | None = None

# Who may ask for /metrics without a token. A list of networks and addresses, such as
# "10.1.2.0/24". Default: [].
# Behind a proxy they are those of whoever asked it, as TRUSTED_PROXIES has it.
METRICS_NETWORKS: Networks = []

# In which form the log is written: "text" (a line of text) or "json" (a line of JSON). Default:
# "text".
# Each line has its time with the offset from UTC and, if it is about a request, the id that was
# given back in X-Request-ID.
LOG_FORMAT: LogFormat = "text"

# Where the log is written. The path of a file, relative to the working directory; None = the
# standard error. Default: None.
# It is made for its owner alone. Whoever moves it away sends SIGHUP, and it is made anew.
LOG_FILE: FilePath | None = None

# Whether the log has a line for each request. True or false. Default: False.
# It has the path, the status and the time that it took. Names, session ids, tokens and whatever
# stands behind the question mark are masked, and no address of a visitor is in it.
ACCESS_LOG: Flag = False
