//! Why a request gets no further than the door, in DynamoDB's own words.

use crate::answer::Answer;

/// Why a request is refused before any operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is larger than DynamoDB takes.
    TooLarge,
    /// Its body did not arrive in time, or there was no room for it.
    TooSlow,
    /// The connection broke, or the body is not framed as HTTP has it.
    Unreadable,
    /// It calls a server that asks for no signature by a name that is not this machine's own.
    Renamed,
    /// It has no signature.
    Unsigned,
    /// Its signature is not in a form that can be checked, or leaves out what must be signed.
    Incomplete,
    /// It is signed with another access key.
    UnknownKey,
    /// It was signed too long ago, or in the future.
    Expired,
    /// It is not what was signed, or was signed with another secret.
    Mismatch,
}

impl Refusal {
    pub(super) fn answer(self) -> Answer {
        let (status, exception, message) = match self {
            Self::TooLarge => (413, "SerializationException", "A request may have at most 16 MB."),
            Self::TooSlow => (408, "RequestTimeoutException", "The request did not arrive in time."),
            Self::Unreadable => (400, "SerializationException", "The request could not be read."),
            Self::Renamed => (
                400,
                "AccessDeniedException",
                "Without a secret the engine answers only to 127.0.0.1, [::1] and localhost.",
            ),
            Self::Unsigned => {
                (400, "MissingAuthenticationTokenException", "Request is missing Authentication Token")
            }
            Self::Incomplete => (
                400,
                "IncompleteSignatureException",
                "The Authorization header must be an AWS4-HMAC-SHA256 signature for the service dynamodb that covers \
                 host, x-amz-date and x-amz-target.",
            ),
            Self::UnknownKey => (
                400,
                "UnrecognizedClientException",
                "The security token included in the request is invalid. The access key id must be `tradepost`.",
            ),
            Self::Expired => (
                400,
                "InvalidSignatureException",
                "Signature expired: its date is more than 5 minutes from the engine's clock.",
            ),
            Self::Mismatch => (
                400,
                "InvalidSignatureException",
                "The request signature we calculated does not match the signature you provided. Check your AWS \
                 Secret Access Key and signing method.",
            ),
        };
        Answer::refusal(status, exception, message)
    }
}
