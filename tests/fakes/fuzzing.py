"""How long random cases go on: CHRONO_FUZZ=long is what `make fuzz` asks for."""

import os
from typing import Final

LONG: Final = os.environ.get("CHRONO_FUZZ") == "long"
TIMES: Final = 20 if LONG else 1
