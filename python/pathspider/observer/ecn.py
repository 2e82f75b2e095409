"""A name of PATHspider 1.1; see pathspider.chains.ecn."""
from pathspider.chains.ecn import ECNChain
