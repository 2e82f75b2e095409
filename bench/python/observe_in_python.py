"""pathspider.observer in an ordinary python3: observe_in_python.py TRACE basic|with-python."""
import sys

from bench_chains import WindowChain
from pathspider.chains.basic import BasicChain
from pathspider.chains.tcp import TCPChain
from pathspider.observer import Observer

chains = [BasicChain, TCPChain] + ([WindowChain] if sys.argv[2] == "with-python" else [])
print(sum(1 for _ in Observer(sys.argv[1], chains=chains)))
