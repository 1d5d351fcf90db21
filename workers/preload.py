"""What the zygote imports before it forks: every module, and every value that workers share and that is slow to make.

No connection is made here: none may cross a fork. The TLS context may, and costs 37 ms a process otherwise.
"""

from notifier.services.http import tls_context
from notifier.universe import load
from workers import roles

__all__ = ["roles"]

tls_context()
load()
