"""Failures: one line that says why, and an exit code that says of what kind.

The codes are those of sysexits.h, as constellation reads them:

====  ========================================================  ==========
code  meaning                                                   try again?
====  ========================================================  ==========
2     the command line (argparse)                               no
65    an input file is not as it should be                      no
66    an input file is not there                                no
69    SHINE, or its Euclid backend, is not installed            no
70    the inference gave numbers that are not finite            no
71    there is a GPU, and JAX can't use it                      yes
73    the results can't be written                              no
75    out of memory on the accelerator                          yes
78    the configuration                                         no
143   told to stop (SIGTERM); a checkpoint is there              yes
====  ========================================================  ==========

A failure that is none of these is a bug: a traceback and exit code 1.
"""

BAD_DATA, NO_INPUT, NO_SHINE, DIVERGED, NO_GPU, NO_OUTPUT, NO_MEMORY, BAD_CONFIG, STOPPED = 65, 66, 69, 70, 71, 73, 75, 78, 143


class Failure(Exception):
    """Ends the command with ``code``; the message is the reason, in one line."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(" ".join(str(reason).split()))
        self.code = code


def out_of_memory(error: BaseException) -> bool:
    """Whether an error of JAX's says that the device's memory is used up."""
    text = str(error)
    return "RESOURCE_EXHAUSTED" in text or "out of memory" in text.lower()
