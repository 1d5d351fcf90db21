"""OTP's supervision, exact, over operating-system processes. Standard library only; knows nothing of what it runs.

spec: what to run    core: step(state, event, now) -> (state, effects), pure    shell: the loop that does the effects
zygote: forks preloaded Python workers    control: the socket for status and commands    `python -m supervisor TREE`
"""
