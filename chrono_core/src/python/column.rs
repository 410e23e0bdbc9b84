//! Reads a column from whatever the caller has: buffers, Arrow data, lists.
//!
//! Contiguous buffers and Arrow arrays of the right type are lent, everything else is converted into
//! a copy. Nulls (Arrow nulls, `None`, NumPy masks, `NaT`) are kept apart from values; NaN is a value.

use pyo3::buffer::{ElementType, PyBuffer, PyUntypedBuffer};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyList, PyString, PyTuple};

use super::arrow::{self, Chunk, Chunks};
use super::errors::{refuse, wrong_type};
use super::numbers::{Number, out_of_range};

/// A column of numbers, lent or owned.
pub(super) struct Column<T: Number> {
    data: Data<T>,
    /// Per row, whether it is null; none when no row is.
    pub nulls: Option<Vec<bool>>,
}

enum Data<T: Number> {
    Buffer(PyBuffer<T>),
    /// The chunk owns the memory to which the pointer leads.
    Arrow(Chunk, *const T),
    Owned(Vec<T>),
}

impl<T: Number> Column<T> {
    /// Returns the values; those of null rows mean nothing.
    ///
    /// The caller keeps other threads from writing to a lent column during the call.
    pub(super) fn values(&self) -> &[T] {
        match &self.data {
            Data::Owned(values) => values,
            // SAFETY: the buffer is contiguous, aligned and held as long as `self`.
            Data::Buffer(buffer) => buffer.as_slice_ptr().map_or(&[], |slice| unsafe { slice.as_ref() }),
            // SAFETY: `lend` checked the alignment; the chunk holds `len` values while it lives.
            Data::Arrow(chunk, start) => unsafe { std::slice::from_raw_parts(*start, chunk.len()) },
        }
    }

    pub(super) fn owned(values: Vec<T>, nulls: Vec<bool>) -> Self {
        let nulls = nulls.contains(&true).then_some(nulls);
        Self { data: Data::Owned(values), nulls }
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.get(row).copied().unwrap_or(false))
    }

    /// Replaces null rows by `value`, so that none is null any more.
    pub(super) fn fill_nulls(self, value: T) -> Self {
        let Some(nulls) = &self.nulls else { return self };
        let filled = self.values().iter().zip(nulls).map(|(old, null)| if *null { value } else { *old });
        Self::owned(filled.collect(), Vec::new())
    }
}

/// Reads the argument `name` as a column of numbers.
pub(super) fn read<T: Number>(name: &str, object: &Bound<'_, PyAny>) -> PyResult<Column<T>> {
    if let Some(column) = read_typed(name, object)? {
        return Ok(column);
    }
    from_items(name, &items(name, object)?)
}

/// Reads buffers and Arrow data of numbers; none when it has to be done item by item.
pub(super) fn read_typed<T: Number>(name: &str, object: &Bound<'_, PyAny>) -> PyResult<Option<Column<T>>> {
    if object.is_exact_instance_of::<PyList>() || object.is_exact_instance_of::<PyTuple>() {
        return Ok(None);
    }
    if is_masked(object) {
        return Ok(None);
    }
    if let Ok(buffer) = PyUntypedBuffer::get(object) {
        return from_buffer(name, object, buffer);
    }
    match arrow::chunks(object)? {
        Some(chunks) => from_chunks(name, chunks),
        None => numpy_instants(object),
    }
}

/// NumPy's instants cannot be lent as a buffer: they are viewed as integers, `NaT` is null.
fn numpy_instants<T: Number>(object: &Bound<'_, PyAny>) -> PyResult<Option<Column<T>>> {
    let Some(dtype) = object.getattr_opt("dtype")? else { return Ok(None) };
    let is_instant = dtype.getattr_opt("kind")?.is_some_and(|kind| kind.eq("M").unwrap_or(false));
    if T::FRACTIONS || !is_instant {
        return Ok(None);
    }
    let viewed = object.call_method1("astype", ("datetime64[ns]",))?.call_method1("view", ("int64",))?;
    let instants = PyBuffer::<i64>::get(&viewed)?.to_vec(object.py())?;
    let nulls = instants.iter().map(|instant| *instant == i64::MIN).collect();
    Ok(Some(Column::owned(instants.into_iter().map(T::of_signed).collect(), nulls)))
}

/// NumPy's masked arrays lend their memory without their mask.
fn is_masked(object: &Bound<'_, PyAny>) -> bool {
    object.get_type().name().is_ok_and(|name| name == "MaskedArray")
}

fn from_buffer<T: Number>(
    name: &str,
    object: &Bound<'_, PyAny>,
    buffer: PyUntypedBuffer,
) -> PyResult<Option<Column<T>>> {
    if object.is_instance_of::<PyBytes>() || object.is_instance_of::<PyByteArray>() {
        return Err(wrong_type(name, object, "a column of numbers"));
    }
    if buffer.dimensions() != 1 {
        let n = buffer.dimensions();
        return Err(PyTypeError::new_err(format!("{name} has {n} dimensions: expected one")));
    }
    if matches!(buffer.format().to_bytes().first(), Some(b'<' | b'>' | b'!')) {
        // An explicit byte order, perhaps a foreign one (which pyo3 0.30 takes for ours).
        return Ok(None);
    }
    let py = object.py();
    if let Ok(typed) = buffer.as_typed::<T>() {
        if typed.as_slice_ptr().is_none() {
            return Ok(Some(Column::owned(typed.to_vec(py)?, Vec::new())));
        }
        return Ok(Some(Column { data: Data::Buffer(buffer.into_typed()?), nulls: None }));
    }
    converted(name, object, &buffer)
}

fn converted<T: Number>(
    name: &str,
    object: &Bound<'_, PyAny>,
    buffer: &PyUntypedBuffer,
) -> PyResult<Option<Column<T>>> {
    macro_rules! signed {
        ($kind:ty) => {
            buffer
                .as_typed::<$kind>()?
                .to_vec(object.py())?
                .into_iter()
                .map(|v| T::of_signed(v.into()))
                .collect()
        };
    }
    macro_rules! unsigned {
        ($kind:ty) => {
            checked(name, buffer.as_typed::<$kind>()?.to_vec(object.py())?, |v| T::of_unsigned(v.into()))?
        };
    }
    let values: Vec<T> = match ElementType::from_format(buffer.format()) {
        ElementType::Bool => return Err(wrong_type(name, object, T::EXPECTED_COLUMN)),
        ElementType::Float { .. } if !T::FRACTIONS => {
            return Err(wrong_type(name, object, T::EXPECTED_COLUMN));
        }
        ElementType::Float { bytes: 4 } => {
            let floats = buffer.as_typed::<f32>()?.to_vec(object.py())?;
            checked(name, floats, |v| T::of_float(v.into()))?
        }
        ElementType::SignedInteger { bytes: 1 } => signed!(i8),
        ElementType::SignedInteger { bytes: 2 } => signed!(i16),
        ElementType::SignedInteger { bytes: 4 } => signed!(i32),
        ElementType::SignedInteger { bytes: 8 } => signed!(i64),
        ElementType::UnsignedInteger { bytes: 1 } => unsigned!(u8),
        ElementType::UnsignedInteger { bytes: 2 } => unsigned!(u16),
        ElementType::UnsignedInteger { bytes: 4 } => unsigned!(u32),
        ElementType::UnsignedInteger { bytes: 8 } => unsigned!(u64),
        // Half floats, unaligned memory and the like take the slow path, item by item.
        _ => return Ok(None),
    };
    Ok(Some(Column::owned(values, Vec::new())))
}

fn checked<S: Copy + std::fmt::Debug, T: Number>(
    name: &str,
    values: Vec<S>,
    convert: impl Fn(S) -> Option<T>,
) -> PyResult<Vec<T>> {
    let convert = |(index, value): (usize, S)| {
        convert(value).ok_or_else(|| out_of_range::<T>(name, index, &format!("{value:?}")))
    };
    values.into_iter().enumerate().map(convert).collect()
}

fn from_chunks<T: Number>(name: &str, mut from: Chunks) -> PyResult<Option<Column<T>>> {
    let own_format = if T::FRACTIONS { "g" } else { "l" };
    let lendable = from.chunks.len() == 1 && from.format == own_format;
    if let (true, Some(chunk)) = (lendable, from.chunks.first()) {
        let nulls = chunk.nulls().filter(|nulls| nulls.contains(&true));
        if let (Some(start), Some(chunk)) = (chunk.lend::<T>(), from.chunks.pop()) {
            return Ok(Some(Column { data: Data::Arrow(chunk, start), nulls }));
        }
    }
    let Some(convert) = converter::<T>(&from.format) else { return Ok(None) };
    let (mut values, mut nulls) = (Vec::new(), Vec::new());
    for chunk in &from.chunks {
        for row in 0..chunk.len() {
            let null = from.format == "n" || chunk.null_at(row);
            let value = if null { Some(T::default()) } else { convert(chunk, row) };
            values.push(value.ok_or_else(|| out_of_range::<T>(name, values.len(), "too large"))?);
            nulls.push(null);
        }
    }
    Ok(Some(Column::owned(values, nulls)))
}

type Convert<T> = Box<dyn Fn(&Chunk, usize) -> Option<T>>;

/// Returns how one value of an Arrow type becomes a `T`; none for types that are no plain numbers.
fn converter<T: Number>(format: &str) -> Option<Convert<T>> {
    macro_rules! plain {
        ($kind:ty, $into:expr) => {
            // SAFETY: the format letters name exactly this type; callers keep `row` below the length.
            Some(Box::new(|chunk: &Chunk, row| $into(unsafe { chunk.value::<$kind>(row) })) as Convert<T>)
        };
    }
    match format {
        "g" if T::FRACTIONS => plain!(f64, T::of_float),
        "f" if T::FRACTIONS => plain!(f32, |v: f32| T::of_float(v.into())),
        "c" => plain!(i8, |v: i8| Some(T::of_signed(v.into()))),
        "C" => plain!(u8, |v: u8| T::of_unsigned(v.into())),
        "s" => plain!(i16, |v: i16| Some(T::of_signed(v.into()))),
        "S" => plain!(u16, |v: u16| T::of_unsigned(v.into())),
        "i" => plain!(i32, |v: i32| Some(T::of_signed(v.into()))),
        "I" => plain!(u32, |v: u32| T::of_unsigned(v.into())),
        "l" => plain!(i64, |v: i64| Some(T::of_signed(v))),
        "L" => plain!(u64, T::of_unsigned),
        "n" => Some(Box::new(|_, _| Some(T::default()))),
        _ => instants(format),
    }
}

/// Arrow's instants, in any unit, as nanoseconds.
fn instants<T: Number>(format: &str) -> Option<Convert<T>> {
    let factor = match format.get(..4)? {
        _ if T::FRACTIONS => return None,
        "tsn:" => 1,
        "tsu:" => 1_000,
        "tsm:" => 1_000_000,
        "tss:" => 1_000_000_000,
        _ => return None,
    };
    // SAFETY: instants are 64-bit integers; callers keep `row` below the length.
    let value = |chunk: &Chunk, row| unsafe { chunk.value::<i64>(row) };
    Some(Box::new(move |chunk, row| value(chunk, row).checked_mul(factor).map(T::of_signed)))
}

/// Returns the items of anything that can be walked, as a list.
pub(super) fn items<'py>(name: &str, object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
    let is_text = object.is_instance_of::<PyString>() || object.is_instance_of::<PyDict>();
    if is_text {
        return Err(wrong_type(name, object, "a column of numbers"));
    }
    if let Ok(list) = object.cast::<PyList>() {
        return Ok(list.clone());
    }
    for method in ["to_pylist", "to_list", "tolist"] {
        if let Some(method) = object.getattr_opt(method)? {
            let list = method.call0()?.cast_into::<PyList>();
            return list.map_err(|_| wrong_type(name, object, "a column of numbers"));
        }
    }
    let walk = object.try_iter().map_err(|_| wrong_type(name, object, "a column of numbers"))?;
    let list = PyList::empty(object.py());
    walk.into_iter().try_for_each(|item| list.append(item?))?;
    Ok(list)
}

/// Converts a list item by item; `None` is null.
pub(super) fn from_items<T: Number>(name: &str, list: &Bound<'_, PyList>) -> PyResult<Column<T>> {
    let mut values = Vec::with_capacity(list.len());
    let mut nulls = Vec::with_capacity(list.len());
    for (index, item) in list.iter().enumerate() {
        let null = item.is_none();
        values.push(if null { T::default() } else { T::of_object(name, index, &item)? });
        nulls.push(null);
    }
    Ok(Column::owned(values, nulls))
}

/// Refuses nulls in a column that may have none.
pub(super) fn no_nulls<T: Number>(name: &'static str, column: &Column<T>) -> PyResult<()> {
    match column.nulls.as_ref().and_then(|nulls| nulls.iter().position(|null| *null)) {
        None => Ok(()),
        Some(index) => {
            let sentence = format!("{name}[{index}] is null: this column may have none");
            Err(refuse("null", Some(name), Some(index), sentence))
        }
    }
}
