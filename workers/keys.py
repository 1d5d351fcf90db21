# ruff: noqa: D103 – one line a key; the table above says what each is
"""Every Redis key of ours, named once. RQ's own keys (`rq:*`) are RQ's; who else writes them is said in `queues`.

notifier:cursor:{feed}          string  where the feed goes on (JSON of the feed's cursor)
notifier:cursor:backfill-{day}  string  how far the backfill of a day (YYYYMMDD) is; gone when it is done
notifier:rewritten              zset    sequences of rewritten files that are to be read again; score: when noticed
notifier:skipped                zset    what the feed gave up: JSON [first, last, reason, since]; score: when; bounded
notifier:backfill               hash    day (YYYYMMDD) -> JSON of the request to backfill it; gone when it is done
notifier:seen:{killmail}        string  the killmail was handed over; lives SEEN_TTL
notifier:seen:package-{n}       string  the malformed package was handed over; lives SEEN_TTL
notifier:seen:rewrite-{n}-{d}   string  the rewritten file n was handed over, with contents of digest d; lives SEEN_TTL
notifier:outbox:{destination}   zset    delivery jobs that wait for the destination; score: order in the feed
notifier:lock:{destination}     string  job id of the delivery that leads the destination; lives the job timeout and
                                        LOCK_MARGIN more
notifier:lead:{destination}     string  the run of that job which leads, by a random name; lives as long
notifier:alone:{destination}    string  up to this score each delivery goes alone (a group was refused)
notifier:ping:{destination}     string  ledger key of a delivery whose message mentions somebody; no other one's does
                                        as long as this lives (at_most_every)
notifier:digest:{destination}   string  JSON of the open digest: what it says, its message; lives until it is over
notifier:pinned:{dest}:{addr}   string  a bot's nonce and the deliveries posted under it without a known end, a line
                                        each; lives as long as Discord knows the nonce
notifier:message:{dest}:{id}    string  JSON of a message that may be edited: what it shows; lives EDITABLE_TTL
notifier:revisions:{dest}:{id}  hash    ledger job -> newer notice that the message is to show; lives as long
notifier:edits                  zset    jobs that bring edits, while they are under way; score: since when it is known
notifier:editing:{dest}:{id}    string  who is just editing the message
notifier:disabled:{destination} hash    address (fingerprint of what is not posted to any more, '*' for whatever it
                                        is), reason, since
notifier:delivery:{job}         hash    state (pending, sending, delivered; held: died, its post of unknown end), post,
                                        ambiguous, message, plain (Discord refused its usual form), revised (which
                                        text of the killmail is shown); lives LEDGER_TTL
notifier:limit:{address}        hash    what Discord's headers said: remaining, resets_at, blocked_until; failures in a
                                        row
notifier:posts:{address}        zset    times of the last posts; `all`: everybody's, and all:blocked_until
                                        (an address stands here by its fingerprint, without its thread)
notifier:names:{id}             string  a name from ESI; '' for an id that ESI does not know
notifier:tickers:{id}           string  a corporation's or alliance's ticker from ESI; '' for an unknown id
notifier:averages               hash    type -> ESI's average price in ISK; due: when (epoch seconds) they are to be
                                        refreshed; lives a day after that was done last
notifier:averages:asked         string  somebody has just asked ESI for them; lives a minute
notifier:price:{source}:{type}  string  the price of an item by zkillboard or janice; '' where they know none
notifier:calls:{service}:{n}    string  calls of all processes to a service in the n-th span of time; lives two spans
notifier:events                 hash    how often each event of notifier.events has happened
notifier:counters               hash    totals since the beginning (evaluated, matched, delivered, rewritten, …)
notifier:incarnation:{slot}     string  counter of the worker processes that a slot has had
notifier:slots                  hash    slot -> queue, for the recovery of slots that do not come back
notifier:lease:{name}           string  host that does what only one may do; lives LEASE_TTL
notifier:hosts                  zset    ids of the hosts; score: when each was last heard of
notifier:host:{host}            string  JSON of the host's process tree; lives HOST_TTL
notifier:dead                   zset    ids of the dead letters; score: when they died
notifier:circuits               set     names of the circuits that have ever opened
notifier:circuit:{circuit}      hash    state (closed, open, half-open), failures in a row, since, reason
notifier:probe:{circuit}        string  who is trying whether an open circuit can close; lives PROBE_TTL
notifier:pause:{service}        string  until when (epoch seconds) a service wants to be left alone; lives as long
notifier:admin                  string  destination of the notices to the operator
notifier:status                 string  JSON of the last service status: its turn, when it was told, the counters then
notifier:status_every           string  seconds between two of them; gone where nobody wants any
notifier:told:{event}           string  the operator was told of such an event; lives a minute
notifier:untold:{event}         list    the last such events that were kept back meanwhile
notifier:wake                   channel the scheduler's: something was scheduled
"""

SEEN_TTL = 72 * 3600
LEDGER_TTL = 72 * 3600
LOCK_MARGIN = 600
EDITABLE_TTL = 24 * 3600
LEASE_TTL = 15
HOST_TTL = 45

AVERAGES = "notifier:averages"
AVERAGES_ASKED = "notifier:averages:asked"
COUNTERS = "notifier:counters"
EVENTS = "notifier:events"
SLOTS = "notifier:slots"
HOSTS = "notifier:hosts"
DEAD = "notifier:dead"
WAKE = "notifier:wake"
REWRITTEN = "notifier:rewritten"
EDITS = "notifier:edits"
SKIPPED = "notifier:skipped"
BACKFILL = "notifier:backfill"
ALL_POSTS = "notifier:posts:all"
CIRCUITS = "notifier:circuits"
ADMIN = "notifier:admin"
STATUS = "notifier:status"
STATUS_EVERY = "notifier:status_every"


def cursor(feed: str) -> str:
    return f"notifier:cursor:{feed}"


def seen(what: int | str) -> str:
    return f"notifier:seen:{what}"


def outbox(destination: str) -> str:
    return f"notifier:outbox:{destination}"


def lock(destination: str) -> str:
    return f"notifier:lock:{destination}"


def lead(destination: str) -> str:
    return f"notifier:lead:{destination}"


def alone(destination: str) -> str:
    return f"notifier:alone:{destination}"


def ping(destination: str) -> str:
    return f"notifier:ping:{destination}"


def digest(destination: str) -> str:
    return f"notifier:digest:{destination}"


def pinned(destination: str, address: str) -> str:
    return f"notifier:pinned:{destination}:{address}"


def message(destination: str, message_id: str) -> str:
    return f"notifier:message:{destination}:{message_id}"


def revisions(destination: str, message_id: str) -> str:
    return f"notifier:revisions:{destination}:{message_id}"


def editing(destination: str, message_id: str) -> str:
    return f"notifier:editing:{destination}:{message_id}"


def disabled(destination: str) -> str:
    return f"notifier:disabled:{destination}"


def delivery(job_id: str) -> str:
    return f"notifier:delivery:{job_id}"


def limit(address: str) -> str:
    return f"notifier:limit:{address}"


def posts(address: str) -> str:
    return f"notifier:posts:{address}"


def name(entity: int) -> str:
    return f"notifier:names:{entity}"


def ticker(entity: int) -> str:
    return f"notifier:tickers:{entity}"


def price(source: str, type_id: int) -> str:
    return f"notifier:price:{source}:{type_id}"


def calls(service: str, span: int) -> str:
    return f"notifier:calls:{service}:{span}"


def incarnation(slot: str) -> str:
    return f"notifier:incarnation:{slot}"


def lease(what: str) -> str:
    return f"notifier:lease:{what}"


def host(host_id: str) -> str:
    return f"notifier:host:{host_id}"


def probe(circuit: str) -> str:
    return f"notifier:probe:{circuit}"


def circuit(name: str) -> str:
    return f"notifier:circuit:{name}"


def pause(service: str) -> str:
    return f"notifier:pause:{service}"


def told(event: str) -> str:
    return f"notifier:told:{event}"


def untold(event: str) -> str:
    return f"notifier:untold:{event}"
