"""A name of PATHspider 1.1; see pathspider.chains.tfo."""
from pathspider.chains.tfo import TFOChain
