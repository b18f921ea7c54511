"""Clients that take their time, and many of them: test_slow_clients.py and test_many_clients.py."""

from __future__ import annotations

from tests.attacks.attack import Proof, ProofChapter

CHAPTER = ProofChapter(
    "Slow clients, and many",
    "Honest requests are answered meanwhile. `nginx_client_timeout` is 15 s (2 s in these tests).",
    [
        Proof(
            "slow headers",
            "200 requests whose headers come a byte at a time and never end (slowloris)",
            "closed, after `nginx_client_timeout`",
            "the headers together have that long, however many bytes come",
            "test_slow_headers_are_ended",
        ),
        Proof(
            "nothing at all",
            "200 connections on which nothing is sent",
            "closed, after `nginx_client_timeout`",
            "who opens a connection has something to say",
            "test_a_silent_connection_is_ended",
        ),
        Proof(
            "a body that stops",
            "A body of which half is sent",
            "closed, after `nginx_client_timeout`; no service has seen it",
            "the gateway asks a service when it has the whole request",
            "test_a_body_that_stops_is_ended",
        ),
        Proof(
            "bodies that drip",
            "Bodies of which a byte comes now and then, more than one address may have",
            "429 for those that are too many; no service has seen the others",
            "a byte in time is no silence: `nginx_client_requests` bounds them, for each address",
            "test_dripping_bodies_are_few",
        ),
        Proof(
            "an answer that is not read",
            "A list of 8 MB is asked for, and not read",
            "closed, after `nginx_client_timeout`; the service was done long before",
            "the gateway keeps the answer, not the service",
            "test_an_answer_that_is_not_read_is_ended",
        ),
        Proof(
            "pipelining",
            "500 requests at once on one connection",
            "each its answer, in order",
            "they are done one after the other (RFC 9112, 9.3.2)",
            "test_pipelined_requests_are_answered_in_order",
        ),
        Proof(
            "10 000 connections",
            "10 000 connections from twenty addresses, kept open after one request each",
            "all stay open, and honest requests are answered",
            "`nginx_worker_connections` has room for them",
            "test_ten_thousand_idle_connections_are_no_burden",
        ),
    ],
)
