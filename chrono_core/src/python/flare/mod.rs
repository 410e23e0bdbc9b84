//! Flare's sums for Python: bytes and integers in, bytes and integers out.

mod keccak;
mod median;
mod merkle;
mod sortition;
mod words;

pub(super) use keccak::keccak256;
pub(super) use median::{vote_median, vote_medians};
pub(super) use merkle::{MerkleTree, verify_proof};
pub(super) use sortition::{SortitionKey, sortition_point, verify_credential, verify_registration};
