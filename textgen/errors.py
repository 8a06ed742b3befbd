"""Every exception that textgen raises on purpose.

TextgenError
├── RequestError              what was asked for cannot be (exit code 2)
│   ├── ConfigError           an option's value is impossible, or two options contradict each other
│   ├── NoSuchInputError      a file that was named is not there, or is a folder
│   ├── NoSuchModelError      no model or checkpoint of that name, or of the asked level
│   ├── ModelExistsError      a model would be overwritten, and --force was not given
│   └── ModelBusyError        another training is writing the model
└── WorkError                 the request was fine, the work failed (exit code 1)
    ├── CorpusError           a text cannot be used
    │   ├── DecodingError     it is not UTF-8 text
    │   └── EmptyCorpusError  there is nothing in it to learn from, or to measure
    ├── ModelFileError        a model file or a checkpoint is truncated, foreign, newer or damaged
    ├── OutputError           a file could not be written
    ├── NothingWrittenError   no new text fits what was asked of it
    └── DivergedError         training diverged, also with lower learning rates

A message says where, what was found, what is allowed, and what to do.
"""


class TextgenError(Exception):
    """The root of the tree: whoever catches it has caught every failure that is not a bug."""

    exit_code = 1


class RequestError(TextgenError):
    """What was asked for cannot be; nothing was begun."""

    exit_code = 2


class ConfigError(RequestError):
    """An option's value is impossible, or two options contradict each other."""


class NoSuchInputError(RequestError):
    """A file that was named is not there, or is a folder."""


class NoSuchModelError(RequestError):
    """There is no model of that name, or none of the asked level."""


class ModelExistsError(RequestError):
    """A model would be overwritten, and that was not asked for."""


class ModelBusyError(RequestError):
    """Another training is writing the model."""


class WorkError(TextgenError):
    """The request was fine; the work failed."""


class CorpusError(WorkError):
    """A text cannot be used."""


class DecodingError(CorpusError):
    """A text is not UTF-8."""


class EmptyCorpusError(CorpusError):
    """A text holds nothing to learn from, or to measure."""


class ModelFileError(WorkError):
    """A model file or a checkpoint is truncated, foreign, newer than this program, or damaged."""


class OutputError(WorkError):
    """A file could not be written."""


class NothingWrittenError(WorkError):
    """No new text fits what was asked of it."""


class DivergedError(WorkError):
    """Training diverged, also with lower learning rates."""
