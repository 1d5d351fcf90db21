"""What the zygote imports before it forks: every module, and every value that workers share and that is slow to make.

No connection is made here: none may cross a fork. The TLS context may, and costs 37 ms a process otherwise.
"""

import os

from notifier.config import Settings
from notifier.messages import template_render
from notifier.services.http import tls_context
from notifier.universe import shared
from workers import roles

__all__ = ["roles", "template_render"]

tls_context()
# The tables by name are made at the first look-up; whoever reads the rules would make them anew.
shared().find("system", "")
Settings.read(os.environ)
