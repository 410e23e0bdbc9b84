//! The verifiable lottery of fast updates: who may submit, and the proof of it.
//!
//! Source: fsp.md section 8. For replicate k at block b, h is a point that everybody can hash, and
//! gamma = secret * h a point that only the key can know; a small gamma.x wins. The proof (c, s) shows
//! that gamma and the public key hide the same secret. The sums take time that depends on the secret:
//! do not let others measure them.

use std::fmt;

use ark_bn254::{Fr, G1Affine, G1Projective};
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::{AdditiveGroup, PrimeField};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use super::curve::{Point, Word, hash_to_curve, limbs, read_scalar, word_of};
use super::error::SortitionError;
use super::keccak::keccak256;
use super::multiplier::Multiplier;

/// What a replicate's lottery is drawn from: public, the same for everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The seed of the reward epoch, `FlareSystemsManager.getSeed`.
    pub seed: Word,
    /// The sortition block.
    pub block: u64,
    /// The replicate, below the provider's weight.
    pub replicate: u64,
}

impl Draw {
    /// Returns h, the point that is multiplied.
    pub fn point(&self) -> Point {
        written(&self.hash())
    }

    fn hash(&self) -> G1Affine {
        let mut message = [0; 96];
        message[..32].copy_from_slice(&self.seed);
        message[56..64].copy_from_slice(&self.block.to_be_bytes());
        message[88..].copy_from_slice(&self.replicate.to_be_bytes());
        hash_to_curve(&message)
    }
}

/// The proof that a replicate was drawn rightly. Its score is `gamma.x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential {
    pub gamma: Point,
    pub c: Word,
    pub s: Word,
}

/// The proof that somebody has the secret of a public key: `registerPublicKey` takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    pub s: Word,
    pub r: Point,
}

/// A replicate that wins, and its score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Winner {
    pub block: u64,
    pub replicate: u64,
    pub score: Word,
}

/// A key of the sortition. The secret is wiped when it goes, and never shown.
pub struct SortitionKey {
    secret: Fr,
    multiplier: Multiplier,
    public: G1Affine,
}

impl SortitionKey {
    /// Takes a secret: a number above zero and below the order of the group.
    ///
    /// # Errors
    /// `SecretOutOfRange`.
    pub fn new(secret: &Word) -> Result<Self, SortitionError> {
        let secret = read_scalar(secret).filter(|secret| *secret != Fr::ZERO);
        let secret = secret.ok_or(SortitionError::SecretOutOfRange)?;
        let public = (G1Affine::generator() * secret).into_affine();
        Ok(Self { secret, multiplier: Multiplier::new(secret), public })
    }

    /// Returns the public key.
    pub fn public_key(&self) -> Point {
        written(&self.public)
    }

    /// Returns gamma, whose x is the score.
    pub fn gamma(&self, draw: &Draw) -> Point {
        written(&(draw.hash() * self.secret).into_affine())
    }

    /// Proves a draw, with a nonce of one's own or a random one. A nonce must never be used twice.
    ///
    /// # Errors
    /// `NonceZero`, `NoRandomness`.
    pub fn prove(&self, draw: &Draw, nonce: Option<&Word>) -> Result<Credential, SortitionError> {
        let nonce = nonce_of(nonce)?;
        let h = draw.hash();
        let gamma = h * self.secret;
        let points = [gamma, G1Affine::generator() * *nonce, h * *nonce];
        let [gamma, u, v] = affine(points);
        let c = challenge(&h, &self.public, &gamma, &u, &v);
        let s = *nonce - c * self.secret;
        Ok(Credential { gamma: written(&gamma), c: word_of(&c), s: word_of(&s) })
    }

    /// Proves to the identity's registration that the secret of the public key is known.
    ///
    /// # Errors
    /// `NonceZero`, `NoRandomness`.
    pub fn register(
        &self,
        identity: &[u8; 20],
        nonce: Option<&Word>,
    ) -> Result<Registration, SortitionError> {
        let nonce = nonce_of(nonce)?;
        let r = written(&(G1Affine::generator() * *nonce).into_affine());
        let e = registration_challenge(&self.public_key(), identity, &r);
        Ok(Registration { s: word_of(&(*nonce - e * self.secret)), r })
    }

    /// Returns the winners of consecutive blocks in ascending order, one cutoff per block.
    ///
    /// A replicate wins when its score is the cutoff or less, as the contract has it.
    pub fn winners(&self, seed: &Word, first_block: u64, cutoffs: &[Word], weight: u64) -> Vec<Winner> {
        let mut winners = Vec::new();
        for (offset, cutoff) in cutoffs.iter().enumerate() {
            // There is no block behind the last number.
            let Some(block) = first_block.checked_add(offset as u64) else { break };
            let cutoff = limbs(cutoff);
            let points: Vec<G1Affine> =
                (0..weight).map(|replicate| Draw { seed: *seed, block, replicate }.hash()).collect();
            for (gamma, replicate) in self.multiplier.times(&points).iter().zip(0..) {
                if gamma.x.into_bigint() <= cutoff {
                    winners.push(Winner { block, replicate, score: word_of(&gamma.x) });
                }
            }
        }
        winners
    }
}

impl Drop for SortitionKey {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

impl fmt::Debug for SortitionKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SortitionKey").field("public", &self.public).finish_non_exhaustive()
    }
}

/// Whether the contract would take the credential for this key and draw. The score is not compared.
///
/// `s` may be any word: the chain reduces it; `c` must be reduced already.
pub fn verify_credential(key: &Point, draw: &Draw, credential: &Credential) -> bool {
    let (Ok(key), Ok(gamma), Some(c)) = (key.read(), credential.gamma.read(), read_scalar(&credential.c))
    else {
        return false;
    };
    let s = Fr::from_be_bytes_mod_order(&credential.s);
    let h = draw.hash();
    let [u, v] = affine([key * c + G1Affine::generator() * s, gamma * c + h * s]);
    challenge(&h, &key, &gamma, &u, &v) == c
}

/// Whether the contract would register this key for this identity.
pub fn verify_registration(key: &Point, identity: &[u8; 20], registration: &Registration) -> bool {
    let (Ok(point), Ok(r)) = (key.read(), registration.r.read()) else { return false };
    let e = registration_challenge(key, identity, &registration.r);
    let s = Fr::from_be_bytes_mod_order(&registration.s);
    G1Affine::generator() * s + point * e == r.into_group()
}

/// Returns what the registration proves: sha256 of the identity's address.
pub fn registration_message(identity: &[u8; 20]) -> Word {
    Sha256::digest(identity).into()
}

fn registration_challenge(key: &Point, identity: &[u8; 20], r: &Point) -> Fr {
    let words = [key.x, key.y, registration_message(identity), r.x, r.y];
    Fr::from_be_bytes_mod_order(&keccak256(words.as_flattened()))
}

/// The hash of the six points of a proof, as a scalar.
fn challenge(h: &G1Affine, key: &G1Affine, gamma: &G1Affine, u: &G1Affine, v: &G1Affine) -> Fr {
    let mut hash = Sha256::new();
    for point in [&G1Affine::generator(), h, key, gamma, u, v] {
        let Point { x, y } = written(point);
        hash.update(x);
        hash.update(y);
    }
    Fr::from_be_bytes_mod_order(&hash.finalize())
}

/// A point as words; infinity as zeros, as the chain writes it.
fn written(point: &G1Affine) -> Point {
    Point::write(point).unwrap_or(Point { x: [0; 32], y: [0; 32] })
}

fn affine<const N: usize>(points: [G1Projective; N]) -> [G1Affine; N] {
    points.map(CurveGroup::into_affine)
}

/// The nonce that was given, or one of 512 random bits: so many that its remainder shows no bias.
fn nonce_of(given: Option<&Word>) -> Result<Zeroizing<Fr>, SortitionError> {
    let nonce = match given {
        Some(word) => Fr::from_be_bytes_mod_order(word),
        None => {
            let mut bytes = Zeroizing::new([0; 64]);
            getrandom::fill(bytes.as_mut()).map_err(|_| SortitionError::NoRandomness)?;
            Fr::from_be_bytes_mod_order(bytes.as_ref())
        }
    };
    if nonce == Fr::ZERO { Err(SortitionError::NonceZero) } else { Ok(Zeroizing::new(nonce)) }
}
