//! A column of results that every library can read without a copy: buffer protocol and Arrow.
//!
//! A buffer cannot tell a null from a number, so that a column with nulls is lent by Arrow or as a
//! list only: no NaN ever stands for "nothing".

use std::ffi::{c_int, c_void};
use std::sync::Arc;

use pyo3::exceptions::{PyBufferError, PyIndexError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyIterator};

use super::arrow::{ArrowArray, ArrowSchema};

/// The values, eight bytes each, whatever their kind.
pub(super) enum Values {
    Floats(Vec<f64>),
    Integers(Vec<i64>),
}

struct Content {
    values: Values,
    /// Arrow's bitmap, least bit first; none when no row is null.
    validity: Option<Vec<u8>>,
    n_nulls: usize,
}

/// A read-only column of numbers, perhaps with nulls.
#[pyclass(frozen, sequence, module = "chrono_core")]
pub(super) struct Column {
    content: Arc<Content>,
    shape: [isize; 1],
    strides: [isize; 1],
}

impl Column {
    pub(super) fn floats(values: impl Iterator<Item = Option<f64>>) -> Self {
        let (values, nulls) = split(values);
        Self::new(Values::Floats(values), &nulls)
    }

    pub(super) fn integers(values: impl Iterator<Item = Option<i64>>) -> Self {
        let (values, nulls) = split(values);
        Self::new(Values::Integers(values), &nulls)
    }

    fn new(values: Values, nulls: &[bool]) -> Self {
        let n_nulls = nulls.iter().filter(|null| **null).count();
        let bits = |eight: &[bool]| {
            eight.iter().enumerate().fold(0u8, |byte, (bit, null)| byte | (u8::from(!null) << bit))
        };
        let validity = (n_nulls > 0).then(|| nulls.chunks(8).map(bits).collect());
        let content = Arc::new(Content { values, validity, n_nulls });
        Self { content, shape: [nulls.len() as isize], strides: [8] }
    }

    fn len(&self) -> usize {
        self.shape[0] as usize
    }

    fn item<'py>(&self, py: Python<'py>, row: usize) -> PyResult<Bound<'py, PyAny>> {
        let valid = |bits: &Vec<u8>| bits.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1);
        if !self.content.validity.as_ref().is_none_or(valid) {
            return Ok(py.None().into_bound(py));
        }
        match &self.content.values {
            Values::Floats(values) => Ok(values.get(row).into_pyobject(py)?.into_any()),
            Values::Integers(values) => Ok(values.get(row).into_pyobject(py)?.into_any()),
        }
    }
}

fn split<T: Default>(values: impl Iterator<Item = Option<T>>) -> (Vec<T>, Vec<bool>) {
    values
        .map(|value| (value.is_none(), value.unwrap_or_default()))
        .map(|(null, value)| (value, null))
        .unzip()
}

impl Content {
    fn address(&self) -> *const c_void {
        match &self.values {
            Values::Floats(values) => values.as_ptr().cast(),
            Values::Integers(values) => values.as_ptr().cast(),
        }
    }

    /// The format letter for the buffer protocol and for Arrow.
    fn formats(&self) -> (&'static std::ffi::CStr, &'static std::ffi::CStr) {
        match self.values {
            Values::Floats(_) => (c"d", c"g"),
            Values::Integers(_) => (c"q", c"l"),
        }
    }
}

#[pymethods]
impl Column {
    #[getter]
    fn null_count(&self) -> usize {
        self.content.n_nulls
    }

    /// The values as a list; nulls are None.
    pub(super) fn to_list<'py>(&self, py: Python<'py>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        (0..self.len()).map(|row| self.item(py, row)).collect()
    }

    fn __len__(&self) -> usize {
        self.len()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, index: isize) -> PyResult<Bound<'py, PyAny>> {
        self.item(py, place(index, self.len())?)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.to_list(py)?.into_pyobject(py)?.try_iter()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let list = self.to_list(py)?.into_pyobject(py)?;
        Ok(format!("Column({})", list.repr()?))
    }

    /// Lends the values; refused while there are nulls.
    ///
    /// # Safety
    /// Called by the interpreter only, with a view to fill.
    unsafe fn __getbuffer__(slf: Bound<'_, Self>, view: *mut ffi::Py_buffer, flags: c_int) -> PyResult<()> {
        let it = slf.get();
        if it.content.n_nulls > 0 {
            let n = it.content.n_nulls;
            let sentence = format!("the column has {n} null(s): use to_list() or its Arrow form");
            return Err(PyBufferError::new_err(sentence));
        }
        if flags & ffi::PyBUF_WRITABLE == ffi::PyBUF_WRITABLE || view.is_null() {
            return Err(PyBufferError::new_err("the column is read-only"));
        }
        let asked = |flag: c_int| flags & flag == flag;
        let filled = ffi::Py_buffer {
            buf: it.content.address().cast_mut(),
            obj: slf.as_any().clone().into_ptr(),
            len: it.shape[0] * 8,
            itemsize: 8,
            readonly: 1,
            ndim: 1,
            format: if asked(ffi::PyBUF_FORMAT) {
                it.content.formats().0.as_ptr().cast_mut()
            } else {
                std::ptr::null_mut()
            },
            shape: if asked(ffi::PyBUF_ND) { it.shape.as_ptr().cast_mut() } else { std::ptr::null_mut() },
            strides: if asked(ffi::PyBUF_STRIDES) {
                it.strides.as_ptr().cast_mut()
            } else {
                std::ptr::null_mut()
            },
            suboffsets: std::ptr::null_mut(),
            internal: std::ptr::null_mut(),
        };
        // SAFETY: the interpreter passes a view to fill; what it points to lives in this frozen
        // object, which the view keeps alive by `obj`.
        unsafe { view.write(filled) };
        Ok(())
    }

    /// The column as Arrow data, without a copy.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_array__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<(Bound<'py, PyCapsule>, Bound<'py, PyCapsule>)> {
        // A request may be ignored, by the interface's rules.
        drop(requested_schema);
        let schema = Box::into_raw(Box::new(schema_of(&self.content)));
        let array = Box::into_raw(Box::new(array_of(&self.content, self.shape[0] as i64)));
        // SAFETY: both pointers come from boxes of exactly the type that the name promises, and the
        // destructors give them back.
        unsafe {
            Ok((
                PyCapsule::new_with_pointer_and_destructor(
                    py,
                    std::ptr::NonNull::new_unchecked(schema.cast()),
                    c"arrow_schema",
                    Some(drop_schema),
                )?,
                PyCapsule::new_with_pointer_and_destructor(
                    py,
                    std::ptr::NonNull::new_unchecked(array.cast()),
                    c"arrow_array",
                    Some(drop_array),
                )?,
            ))
        }
    }
}

/// Turns a Python index, perhaps negative, into a place.
pub(super) fn place(index: isize, length: usize) -> PyResult<usize> {
    let place = if index < 0 { index + length as isize } else { index };
    match usize::try_from(place) {
        Ok(place) if place < length => Ok(place),
        _ => Err(PyIndexError::new_err(format!("index {index} is out of range: there are {length} rows"))),
    }
}

fn schema_of(content: &Content) -> ArrowSchema {
    ArrowSchema {
        format: content.formats().1.as_ptr(),
        name: c"".as_ptr(),
        metadata: std::ptr::null(),
        flags: 2, // ARROW_FLAG_NULLABLE
        n_children: 0,
        children: std::ptr::null_mut(),
        dictionary: std::ptr::null_mut(),
        release: Some(release_schema),
        private_data: std::ptr::null_mut(),
    }
}

/// What an exported array keeps alive.
struct Kept {
    buffers: [*const c_void; 2],
    _content: Arc<Content>,
}

fn array_of(content: &Arc<Content>, length: i64) -> ArrowArray {
    let validity = content.validity.as_ref().map_or(std::ptr::null(), |bits| bits.as_ptr().cast());
    let kept = Box::new(Kept { buffers: [validity, content.address()], _content: Arc::clone(content) });
    let kept = Box::into_raw(kept);
    ArrowArray {
        length,
        null_count: content.n_nulls as i64,
        offset: 0,
        n_buffers: 2,
        n_children: 0,
        // SAFETY: `kept` was just made and is not null.
        buffers: unsafe { (&raw mut (*kept).buffers).cast() },
        children: std::ptr::null_mut(),
        dictionary: std::ptr::null_mut(),
        release: Some(release_array),
        private_data: kept.cast(),
    }
}

unsafe extern "C" fn release_schema(schema: *mut ArrowSchema) {
    // SAFETY: the consumer passes the live struct that we filled; it owns nothing but constants.
    unsafe { (*schema).release = None };
}

unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    // SAFETY: the consumer passes the live struct that we filled, once; `private_data` is our box.
    unsafe {
        drop(Box::from_raw((*array).private_data.cast::<Kept>()));
        (*array).private_data = std::ptr::null_mut();
        (*array).release = None;
    }
}

unsafe extern "C" fn drop_schema(capsule: *mut ffi::PyObject) {
    // SAFETY: the interpreter destroys a capsule that we made with this name around a boxed schema.
    unsafe {
        let schema = ffi::PyCapsule_GetPointer(capsule, c"arrow_schema".as_ptr()).cast::<ArrowSchema>();
        let mut schema = Box::from_raw(schema);
        if let Some(release) = schema.release {
            release(&mut *schema);
        }
    }
}

unsafe extern "C" fn drop_array(capsule: *mut ffi::PyObject) {
    // SAFETY: as in `drop_schema`; a consumer that moved the array out has cleared `release`.
    unsafe {
        let array = ffi::PyCapsule_GetPointer(capsule, c"arrow_array".as_ptr()).cast::<ArrowArray>();
        let mut array = Box::from_raw(array);
        if let Some(release) = array.release {
            release(&mut *array);
        }
    }
}
