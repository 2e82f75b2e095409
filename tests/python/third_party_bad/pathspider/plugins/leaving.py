import sys
sys.exit("I am off")
