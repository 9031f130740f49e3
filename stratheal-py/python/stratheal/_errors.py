"""What can go wrong: one base, and built-in exceptions where people expect them."""


class StrathealError(Exception):
    """The base of all exceptions of this package.

    Attributes:
        retry_after: After how many seconds it may be worth trying again; None when nothing is known about that.
    """

    retry_after: float | None = None

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """An error with a sentence that says what happened, to what, and what to do next."""
        super().__init__(message)
        self.retry_after = retry_after

    def __str__(self) -> str:
        """The sentence, also where a built-in base, such as `KeyError`, would quote it."""
        return str(self.args[0]) if self.args else ""

    def __reduce__(self) -> tuple[object, ...]:
        """For pickling, which would lose the time otherwise."""
        return type(self), self.args, {"retry_after": self.retry_after}


class ConfigurationError(StrathealError, ValueError):
    """Options or a file make no sense; the message names each mistake and what to write instead."""


class ConfigurationNotFoundError(ConfigurationError, FileNotFoundError):
    """There is no such file."""


class DuplicateError(ConfigurationError):
    """Two checks have one name."""


class NoSuchCheckError(StrathealError, LookupError):
    """There is no check of that name; the message names the nearest."""


class NotRunningError(StrathealError, RuntimeError):
    """The monitor does not run in this process."""


class StateError(StrathealError, OSError):
    """The state folder cannot be used; another process may have it."""


class AddressError(StrathealError, OSError):
    """The address at which the endpoints are to be served cannot be had; another process may have it."""


class ServiceError(StrathealError):
    """A service could not be started or stopped."""


class NoSuchServiceError(ServiceError, LookupError):
    """There is no service of that name; the message names the nearest."""


class InstallError(StrathealError):
    """Something about an environment or its snapshots could not be done; the environment is as it was, whole."""


class NoSuchPackageError(InstallError, LookupError):
    """Nobody has it: no such project, version, file or snapshot, or none that fits; offline: it is not in the cache."""


class UnreachableError(InstallError, ConnectionError):
    """It cannot be had now: try again later."""


class AccessDeniedError(InstallError, PermissionError):
    """Credentials were refused, or the system refuses access."""


class IntegrityError(InstallError):
    """What arrived, or what is kept, is not what it should be: look who is right before anything is installed."""


class DiskFullError(InstallError, OSError):
    """There is no room: make some."""


class OwnEnvironmentError(InstallError, RuntimeError):
    """This process runs from the environment that it would replace."""


class ForkedError(StrathealError, RuntimeError):
    """Something belongs to the process that this one was forked from."""
