//! The protocol's sums: what Flare's contracts and clients compute, exact to the byte.

mod curve;
mod error;
mod keccak;
mod median;
mod merkle;
mod multiplier;
mod sortition;

pub use curve::{Point, Word};
pub use error::SortitionError;
pub use keccak::keccak256;
pub use median::{TooWide, Value, VoteMedian, Weight, vote_median};
pub use merkle::{Hash, MerkleTree, verify_proof};
pub use sortition::{
    Credential, Draw, Registration, SortitionKey, Winner, registration_message, verify_credential,
    verify_registration,
};
