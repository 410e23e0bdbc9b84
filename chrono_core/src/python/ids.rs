//! Source ids: integers as they are, names by their place in the alphabet.

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyList, PyString};

use super::column::{Column, from_items, items, read_typed};
use super::errors::wrong_item;

/// Names of sources, ascending; their place is the id that the sums use.
pub(super) type Names = Option<Arc<Vec<String>>>;

/// Reads a column of integers or of text.
pub(super) fn read_ids(name: &str, object: &Bound<'_, PyAny>) -> PyResult<(Column<i64>, Names)> {
    if let Some(column) = read_typed(name, object)? {
        return Ok((column, None));
    }
    let list = items(name, object)?;
    let first = list.iter().find(|item| !item.is_none());
    if first.is_some_and(|item| item.is_instance_of::<PyString>()) {
        return from_names(name, &list);
    }
    Ok((from_items(name, &list)?, None))
}

fn from_names(name: &str, list: &Bound<'_, PyList>) -> PyResult<(Column<i64>, Names)> {
    let mut texts = Vec::with_capacity(list.len());
    for (index, item) in list.iter().enumerate() {
        let text = if item.is_none() { None } else { Some(text_of(name, index, &item)?) };
        texts.push(text);
    }
    // Ordered by name, so that the ids do not depend on the order of the rows.
    let mut places: BTreeMap<&str, i64> = texts.iter().flatten().map(|text| (text.as_str(), 0)).collect();
    for (place, id) in places.values_mut().zip(0..) {
        *place = id;
    }
    let id = |text: &Option<String>| text.as_deref().and_then(|text| places.get(text).copied()).unwrap_or(0);
    let ids = texts.iter().map(id).collect();
    let nulls = texts.iter().map(Option::is_none).collect();
    let names = places.keys().map(|text| (*text).to_owned()).collect();
    Ok((Column::owned(ids, nulls), Some(Arc::new(names))))
}

fn text_of(name: &str, index: usize, item: &Bound<'_, PyAny>) -> PyResult<String> {
    let text =
        item.cast::<PyString>().map_err(|_| wrong_item(name, index, item, "text, as in the first row"))?;
    Ok(text.to_str()?.to_owned())
}

/// Returns the id as the caller gave it.
pub(super) fn shown<'py>(py: Python<'py>, names: &Names, id: i64) -> PyResult<Bound<'py, PyAny>> {
    let name = names.as_ref().and_then(|names| usize::try_from(id).ok().and_then(|id| names.get(id)));
    match name {
        Some(name) => Ok(PyString::new(py, name).into_any()),
        None => Ok(id.into_pyobject(py)?.into_any()),
    }
}
