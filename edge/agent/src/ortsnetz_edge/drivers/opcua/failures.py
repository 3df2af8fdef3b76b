"""What an error of the library, or of the server, means to those who asked."""

from __future__ import annotations

from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaStatusCodeError

from ortsnetz_edge.drivers.contract import DriverError, FailureKind
from ortsnetz_edge.drivers.opcua import status

_KINDS: dict[int, FailureKind] = {
    **dict.fromkeys(
        (
            StatusCodes.BadCertificateInvalid,
            StatusCodes.BadSecurityChecksFailed,
            StatusCodes.BadCertificatePolicyCheckFailed,
            StatusCodes.BadCertificateTimeInvalid,
            StatusCodes.BadCertificateIssuerTimeInvalid,
            StatusCodes.BadCertificateHostNameInvalid,
            StatusCodes.BadCertificateUriInvalid,
            StatusCodes.BadCertificateUseNotAllowed,
            StatusCodes.BadCertificateIssuerUseNotAllowed,
            StatusCodes.BadCertificateUntrusted,
            StatusCodes.BadCertificateRevocationUnknown,
            StatusCodes.BadCertificateIssuerRevocationUnknown,
            StatusCodes.BadCertificateRevoked,
            StatusCodes.BadCertificateIssuerRevoked,
            StatusCodes.BadCertificateChainIncomplete,
            StatusCodes.BadUserAccessDenied,
            StatusCodes.BadIdentityTokenInvalid,
            StatusCodes.BadIdentityTokenRejected,
            StatusCodes.BadUserSignatureInvalid,
            StatusCodes.BadApplicationSignatureInvalid,
            StatusCodes.BadNoValidCertificates,
            StatusCodes.BadSecurityModeRejected,
            StatusCodes.BadSecurityPolicyRejected,
            StatusCodes.BadSecurityModeInsufficient,
        ),
        FailureKind.INSECURE,
    ),
    **dict.fromkeys(
        (
            StatusCodes.BadTcpServerTooBusy,
            StatusCodes.BadTcpNotEnoughResources,
            StatusCodes.BadServerTooBusy,
            StatusCodes.BadTooManyOperations,
            StatusCodes.BadTooManySessions,
            StatusCodes.BadTooManySubscriptions,
            StatusCodes.BadTooManyMonitoredItems,
            StatusCodes.BadTooManyPublishRequests,
            StatusCodes.BadMaxConnectionsReached,
            StatusCodes.BadOutOfMemory,
            StatusCodes.BadResourceUnavailable,
        ),
        FailureKind.BUSY,
    ),
    **dict.fromkeys(
        (
            StatusCodes.BadSessionIdInvalid,
            StatusCodes.BadSessionClosed,
            StatusCodes.BadSessionNotActivated,
            StatusCodes.BadSecureChannelClosed,
            StatusCodes.BadSecureChannelIdInvalid,
            StatusCodes.BadSecureChannelTokenUnknown,
            StatusCodes.BadConnectionClosed,
            StatusCodes.BadConnectionRejected,
            StatusCodes.BadDisconnect,
            StatusCodes.BadShutdown,
            StatusCodes.BadServerHalted,
            StatusCodes.BadServerNotConnected,
        ),
        FailureKind.DISCONNECTED,
    ),
    StatusCodes.BadTimeout: FailureKind.TIMEOUT,
    StatusCodes.BadDecodingError: FailureKind.WRONG_ANSWER,
    StatusCodes.BadTcpMessageTypeInvalid: FailureKind.WRONG_ANSWER,
}
KEEP = {FailureKind.REFUSED, FailureKind.BUSY}
"""After these the connection is as good as before."""


def kind_of(code: int) -> FailureKind:
    """The kind of failure that a service's result means."""
    return _KINDS.get(code & 0xFFFF0000, FailureKind.REFUSED)


def explained(error: BaseException, where: str, misfit: str | None = None) -> DriverError:
    """What an error means.

    Args:
        error: as the library raised it.
        where: address, for people.
        misfit: what was wrong with the bytes on the connection, if that was it.
    """
    if isinstance(error, DriverError):
        return error
    if isinstance(error, UaStatusCodeError):
        code = int(error.code)
        return DriverError(kind_of(code), f"{where}: {status.words(code)}")
    if misfit is not None:
        return DriverError(FailureKind.WRONG_ANSWER, f"{where}: {misfit}")
    if isinstance(error, TimeoutError):
        return DriverError(FailureKind.TIMEOUT, f"{where}: no answer in time")
    if isinstance(error, OSError):
        return DriverError(FailureKind.DISCONNECTED, f"{where}: the server closed the connection")
    return DriverError(
        FailureKind.WRONG_ANSWER, f"{where}: an answer that cannot be understood ({error!r:.200})"
    )
