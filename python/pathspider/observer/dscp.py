"""A name of PATHspider 1.1; see pathspider.chains.dscp."""
from pathspider.chains.dscp import DSCPChain
