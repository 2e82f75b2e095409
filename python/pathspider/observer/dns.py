"""A name of PATHspider 1.1; see pathspider.chains.dns."""
from pathspider.chains.dns import DNSChain
