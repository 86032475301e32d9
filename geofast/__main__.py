"""`python -m geofast` is the command `geofast`; so is `accelerate launch -m geofast`, on many processes"""
from geofast.cli import main
main()
