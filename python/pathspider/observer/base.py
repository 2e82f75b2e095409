"""Names of PATHspider 1.1; see pathspider.chains."""
from pathspider.chains.base import Chain
from pathspider.chains.basic import BasicChain

#: as some versions called it
BaseChain = Chain
