//! Why a sum of the sortition was refused.

use std::fmt;

/// The reason, as a sentence by `Display`. It never holds anything of a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortitionError {
    /// A secret key of zero, or not below the order of the group.
    SecretOutOfRange,
    /// A nonce that is zero modulo the order of the group.
    NonceZero,
    /// The system gave no random bytes.
    NoRandomness,
    /// Coordinates that are not those of a point of the curve.
    NotOnCurve,
}

impl fmt::Display for SortitionError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::SecretOutOfRange => {
                "the sortition secret must be more than zero and less than the order of alt_bn128"
            }
            Self::NonceZero => "the nonce is zero modulo the order of alt_bn128",
            Self::NoRandomness => "the system gave no random bytes for a nonce",
            Self::NotOnCurve => "this is not a point of alt_bn128",
        })
    }
}

impl std::error::Error for SortitionError {}
