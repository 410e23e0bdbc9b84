//! The lottery of fast updates for Python. The interpreter is let go for every multiplication.

use num_bigint::BigUint;
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;
use zeroize::Zeroizing;

use super::words::{number, pair, read_bytes, read_point, read_word};
use crate::flare::{
    Credential, Draw, Registration, SortitionError, SortitionKey as CoreKey, Word,
    verify_credential as credential_holds, verify_registration as registration_holds,
};

type Numbers<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);
type Proof<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);
type Triple<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>, Bound<'py, PyAny>);

/// A sortition key: its secret never comes back out.
#[pyclass(frozen, module = "chrono_core")]
pub(in crate::python) struct SortitionKey {
    key: CoreKey,
}

#[pymethods]
impl SortitionKey {
    #[new]
    #[pyo3(signature = (secret, /))]
    fn new(py: Python<'_>, secret: &[u8]) -> PyResult<Self> {
        let secret = Zeroizing::new(read_bytes("the secret", secret)?);
        let key = py.detach(|| CoreKey::new(&secret)).map_err(refuse)?;
        Ok(Self { key })
    }

    #[getter]
    fn public_key(&self) -> (BigUint, BigUint) {
        pair(&self.key.public_key())
    }

    #[pyo3(signature = (seed, block, replicate, /))]
    fn gamma(
        &self,
        py: Python<'_>,
        seed: &Bound<'_, PyAny>,
        block: u64,
        replicate: u64,
    ) -> PyResult<(BigUint, BigUint)> {
        let draw = Draw { seed: read_word("seed", seed)?, block, replicate };
        Ok(pair(&py.detach(|| self.key.gamma(&draw))))
    }

    #[pyo3(signature = (seed, block, replicate, /, *, nonce=None))]
    fn prove(
        &self,
        py: Python<'_>,
        seed: &Bound<'_, PyAny>,
        block: u64,
        replicate: u64,
        nonce: Option<&[u8]>,
    ) -> PyResult<(BigUint, BigUint, BigUint, BigUint)> {
        let draw = Draw { seed: read_word("seed", seed)?, block, replicate };
        let nonce = read_nonce(nonce)?;
        let credential = py.detach(|| self.key.prove(&draw, nonce.as_deref())).map_err(refuse)?;
        let (x, y) = pair(&credential.gamma);
        Ok((x, y, number(&credential.c), number(&credential.s)))
    }

    #[pyo3(signature = (identity, /, *, nonce=None))]
    fn register(
        &self,
        py: Python<'_>,
        identity: &[u8],
        nonce: Option<&[u8]>,
    ) -> PyResult<(BigUint, BigUint, BigUint)> {
        let identity = read_bytes("the identity's address", identity)?;
        let nonce = read_nonce(nonce)?;
        let Registration { s, r } =
            py.detach(|| self.key.register(&identity, nonce.as_deref())).map_err(refuse)?;
        let (x, y) = pair(&r);
        Ok((number(&s), x, y))
    }

    #[pyo3(signature = (seed, first_block, cutoffs, weight, /))]
    fn winners(
        &self,
        py: Python<'_>,
        seed: &Bound<'_, PyAny>,
        first_block: u64,
        cutoffs: Vec<Bound<'_, PyAny>>,
        weight: u64,
    ) -> PyResult<Vec<(u64, u64, BigUint)>> {
        let seed = read_word("seed", seed)?;
        let cutoffs: Vec<Word> =
            cutoffs.iter().map(|cutoff| read_word("a cutoff", cutoff)).collect::<PyResult<_>>()?;
        if weight > MAX_WEIGHT {
            return Err(PyValueError::new_err(format!("weight is {weight}: there are {MAX_WEIGHT} at most")));
        }
        let winners = py.detach(|| self.key.winners(&seed, first_block, &cutoffs, weight));
        Ok(winners.iter().map(|winner| (winner.block, winner.replicate, number(&winner.score))).collect())
    }

    fn __repr__(&self) -> String {
        let (x, y) = self.public_key();
        format!("SortitionKey(public_key=(0x{x:064x}, 0x{y:064x}))")
    }
}

/// All virtual providers together, fsp.md section 8: nobody has more replicates.
const MAX_WEIGHT: u64 = 4096;

#[pyfunction]
#[pyo3(signature = (seed, block, replicate, /))]
pub(in crate::python) fn sortition_point(
    seed: &Bound<'_, PyAny>,
    block: u64,
    replicate: u64,
) -> PyResult<(BigUint, BigUint)> {
    Ok(pair(&Draw { seed: read_word("seed", seed)?, block, replicate }.point()))
}

#[pyfunction]
#[pyo3(signature = (public_key, seed, block, replicate, credential, /))]
pub(in crate::python) fn verify_credential(
    py: Python<'_>,
    public_key: Numbers<'_>,
    seed: &Bound<'_, PyAny>,
    block: u64,
    replicate: u64,
    credential: Proof<'_>,
) -> PyResult<bool> {
    let key = read_point("public_key", &public_key)?;
    let draw = Draw { seed: read_word("seed", seed)?, block, replicate };
    let (x, y, c, s) = credential;
    let credential =
        Credential { gamma: read_point("gamma", &(x, y))?, c: read_word("c", &c)?, s: read_word("s", &s)? };
    Ok(py.detach(|| credential_holds(&key, &draw, &credential)))
}

#[pyfunction]
#[pyo3(signature = (public_key, identity, proof, /))]
pub(in crate::python) fn verify_registration(
    py: Python<'_>,
    public_key: Numbers<'_>,
    identity: &[u8],
    proof: Triple<'_>,
) -> PyResult<bool> {
    let key = read_point("public_key", &public_key)?;
    let identity = read_bytes("the identity's address", identity)?;
    let (s, x, y) = proof;
    let registration = Registration { s: read_word("s", &s)?, r: read_point("r", &(x, y))? };
    Ok(py.detach(|| registration_holds(&key, &identity, &registration)))
}

fn read_nonce(given: Option<&[u8]>) -> PyResult<Option<Zeroizing<Word>>> {
    given.map(|nonce| Ok(Zeroizing::new(read_bytes("the nonce", nonce)?))).transpose()
}

fn refuse(error: SortitionError) -> PyErr {
    match error {
        SortitionError::NoRandomness => PyOSError::new_err(error.to_string()),
        _ => PyValueError::new_err(error.to_string()),
    }
}
