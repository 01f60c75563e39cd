import os
import sys

for folder in ("", "../gateway"):
    sys.path.insert(0, os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), folder)))
