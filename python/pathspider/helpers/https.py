"""Requests of HTTP inside TLS."""
from pathspider.helpers.http import connect_https  # noqa: F401
