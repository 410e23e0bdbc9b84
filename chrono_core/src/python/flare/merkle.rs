//! The Merkle tree for Python: bytes in, bytes out.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use crate::flare::{Hash, MerkleTree as CoreTree, verify_proof as leads};

/// A Merkle tree over 32-byte leaves.
#[pyclass(frozen, module = "chrono_core")]
pub(in crate::python) struct MerkleTree {
    tree: CoreTree,
}

#[pymethods]
impl MerkleTree {
    #[new]
    #[pyo3(signature = (leaves, /))]
    fn new(py: Python<'_>, leaves: &Bound<'_, PyAny>) -> PyResult<Self> {
        let leaves = leaves.try_iter()?.enumerate().map(read_leaf).collect::<PyResult<_>>()?;
        // Sixty thousand claims take some milliseconds: others may run meanwhile.
        Ok(Self { tree: py.detach(|| CoreTree::new(leaves)) })
    }

    #[getter]
    fn root<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.tree.root().map(|root| PyBytes::new(py, &root))
    }

    #[getter]
    fn leaves<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        lend(py, self.tree.leaves())
    }

    #[pyo3(signature = (leaf, /))]
    fn proof<'py>(&self, py: Python<'py>, leaf: &[u8]) -> PyResult<Vec<Bound<'py, PyBytes>>> {
        let proof = <&Hash>::try_from(leaf).ok().and_then(|leaf| self.tree.proof(leaf));
        proof
            .map(|proof| lend(py, &proof))
            .ok_or_else(|| PyValueError::new_err("the leaf is not in the tree"))
    }

    fn proofs<'py>(&self, py: Python<'py>) -> Vec<Vec<Bound<'py, PyBytes>>> {
        self.tree.proofs().iter().map(|proof| lend(py, proof)).collect()
    }

    fn __len__(&self) -> usize {
        self.tree.leaves().len()
    }
}

#[pyfunction]
#[pyo3(signature = (leaf, proof, root, /))]
pub(in crate::python) fn verify_proof(leaf: &[u8], proof: Vec<Bound<'_, PyBytes>>, root: &[u8]) -> bool {
    let (Ok(leaf), Ok(root)) = (leaf.try_into(), root.try_into()) else { return false };
    let proof: Option<Vec<Hash>> = proof.iter().map(|node| node.as_bytes().try_into().ok()).collect();
    proof.is_some_and(|proof| leads(leaf, &proof, root))
}

fn read_leaf((place, leaf): (usize, PyResult<Bound<'_, PyAny>>)) -> PyResult<Hash> {
    let leaf = leaf?;
    let bytes: &[u8] = leaf.extract()?;
    bytes.try_into().map_err(|_| {
        PyValueError::new_err(format!("leaves[{place}] has {} bytes: a leaf has 32", bytes.len()))
    })
}

fn lend<'py>(py: Python<'py>, hashes: &[Hash]) -> Vec<Bound<'py, PyBytes>> {
    hashes.iter().map(|hash| PyBytes::new(py, hash)).collect()
}
