//! The Arrow C data interface, as far as one-dimensional numbers need it.
//!
//! Source: Apache Arrow, "The Arrow C data interface" and "The Arrow PyCapsule interface". A small
//! reader of our own keeps the wheel free of an Arrow library.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::NonNull;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyCapsuleMethods};

#[repr(C)]
pub(super) struct ArrowSchema {
    pub format: *const c_char,
    pub name: *const c_char,
    pub metadata: *const c_char,
    pub flags: i64,
    pub n_children: i64,
    pub children: *mut *mut ArrowSchema,
    pub dictionary: *mut ArrowSchema,
    pub release: Option<unsafe extern "C" fn(*mut ArrowSchema)>,
    pub private_data: *mut c_void,
}

#[repr(C)]
pub(super) struct ArrowArray {
    pub length: i64,
    pub null_count: i64,
    pub offset: i64,
    pub n_buffers: i64,
    pub n_children: i64,
    pub buffers: *mut *const c_void,
    pub children: *mut *mut ArrowArray,
    pub dictionary: *mut ArrowArray,
    pub release: Option<unsafe extern "C" fn(*mut ArrowArray)>,
    pub private_data: *mut c_void,
}

#[repr(C)]
struct ArrowArrayStream {
    get_schema: Option<unsafe extern "C" fn(*mut ArrowArrayStream, *mut ArrowSchema) -> c_int>,
    get_next: Option<unsafe extern "C" fn(*mut ArrowArrayStream, *mut ArrowArray) -> c_int>,
    get_last_error: Option<unsafe extern "C" fn(*mut ArrowArrayStream) -> *const c_char>,
    release: Option<unsafe extern "C" fn(*mut ArrowArrayStream)>,
    private_data: *mut c_void,
}

/// A C struct that Arrow hands over: all its fields may be zero, and it knows how to let go.
trait Handed: Sized {
    fn is_released(&self) -> bool;
    /// # Safety
    /// `self` must be a live struct of the interface that nobody else will release.
    unsafe fn release(&mut self);
}

macro_rules! handed {
    ($kind:ty) => {
        impl Handed for $kind {
            fn is_released(&self) -> bool {
                self.release.is_none()
            }

            unsafe fn release(&mut self) {
                if let Some(release) = self.release {
                    // SAFETY: the caller promises a live struct; its own callback takes its address.
                    unsafe { release(self) };
                }
            }
        }
    };
}
handed!(ArrowSchema);
handed!(ArrowArray);
handed!(ArrowArrayStream);

/// Owns a struct that was moved out of its producer, and releases it once.
struct Owned<T: Handed>(T);

impl<T: Handed> Owned<T> {
    /// An empty struct for a producer to fill: "released" in the interface's sense.
    fn empty() -> Self {
        // SAFETY: the three structs consist of integers, raw pointers and optional function
        // pointers, for all of which zero is a valid value.
        Self(unsafe { std::mem::zeroed() })
    }

    /// Moves the struct out of a capsule, as the interface asks: the original is marked released.
    fn take(capsule: &Bound<'_, PyAny>, name: &CStr) -> PyResult<Self> {
        let capsule = capsule.cast::<PyCapsule>()?;
        let pointer: NonNull<T> = capsule.pointer_checked(Some(name))?.cast();
        let mut owned = Self::empty();
        // SAFETY: a capsule of this name holds a valid struct of this type (PyCapsule interface);
        // the interpreter is held, so that nobody else moves it. The zeroed struct left behind
        // counts as released, hence the capsule's destructor frees nothing.
        unsafe { std::ptr::swap(pointer.as_ptr(), &mut owned.0) };
        if owned.0.is_released() {
            return Err(PyValueError::new_err("the Arrow data was already consumed"));
        }
        Ok(owned)
    }
}

impl<T: Handed> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: `take` and `fill` made us the only owner; a released struct does nothing.
        unsafe { self.0.release() };
    }
}

/// One array of an Arrow column, with the text of its type.
pub(super) struct Chunk {
    array: Owned<ArrowArray>,
}

/// All chunks of a column, with its type in Arrow's format letters.
pub(super) struct Chunks {
    pub format: String,
    pub chunks: Vec<Chunk>,
}

impl Chunk {
    pub(super) fn len(&self) -> usize {
        usize::try_from(self.array.0.length).unwrap_or(0)
    }

    fn offset(&self) -> usize {
        usize::try_from(self.array.0.offset).unwrap_or(0)
    }

    fn buffer(&self, index: usize) -> *const c_void {
        if self.array.0.buffers.is_null() || index as i64 >= self.array.0.n_buffers {
            return std::ptr::null();
        }
        // SAFETY: `buffers` has `n_buffers` entries while the array lives, and the index is below.
        unsafe { *self.array.0.buffers.add(index) }
    }

    /// Returns which rows are null; none when no row can be.
    pub(super) fn nulls(&self) -> Option<Vec<bool>> {
        let nulls = (0..self.len()).map(|row| self.null_at(row));
        if self.array.0.null_count == 0 || self.buffer(0).is_null() { None } else { Some(nulls.collect()) }
    }

    /// Whether row `index` is null.
    pub(super) fn null_at(&self, index: usize) -> bool {
        let bitmap = self.buffer(0).cast::<u8>();
        if bitmap.is_null() || self.array.0.null_count == 0 {
            return false;
        }
        let bit = self.offset() + index;
        // SAFETY: a validity bitmap has at least `offset + length` bits, and `index` is below length.
        (unsafe { *bitmap.add(bit / 8) } >> (bit % 8)) & 1 == 0
    }

    /// Returns the address of the first value when it can be lent as a slice of `T`.
    pub(super) fn lend<T>(&self) -> Option<*const T> {
        let start = self.values::<T>()?;
        start.is_aligned().then_some(start)
    }

    fn values<T>(&self) -> Option<*const T> {
        let data = self.buffer(1).cast::<T>();
        // SAFETY: the data buffer holds at least `offset + length` values, so that the sum stays inside.
        (!data.is_null()).then(|| unsafe { data.add(self.offset()) })
    }

    /// Returns value `index`; `T` must be the type that the format letters name.
    ///
    /// # Safety
    /// `T` must be plain data of the width that the array's format tells, and `index < self.len()`.
    pub(super) unsafe fn value<T: Copy + Default>(&self, index: usize) -> T {
        // SAFETY: inside the data buffer by the caller's promise; Arrow does not promise alignment.
        self.values::<T>().map_or_else(T::default, |start| unsafe { start.add(index).read_unaligned() })
    }
}

/// Reads `__arrow_c_stream__` or `__arrow_c_array__`; none when the object has neither.
pub(super) fn chunks(object: &Bound<'_, PyAny>) -> PyResult<Option<Chunks>> {
    if let Some(method) = object.getattr_opt("__arrow_c_stream__")? {
        return stream(&method.call0()?).map(Some);
    }
    if let Some(method) = object.getattr_opt("__arrow_c_array__")? {
        let (schema, array): (Bound<'_, PyAny>, Bound<'_, PyAny>) = method.call0()?.extract()?;
        let schema = Owned::take(&schema, c"arrow_schema")?;
        let chunk = Chunk { array: Owned::take(&array, c"arrow_array")? };
        return Ok(Some(Chunks { format: format_of(&schema), chunks: vec![chunk] }));
    }
    Ok(None)
}

fn format_of(schema: &Owned<ArrowSchema>) -> String {
    if schema.0.format.is_null() || !schema.0.dictionary.is_null() {
        // A dictionary's own format names its indices, not its values.
        return "dictionary".to_owned();
    }
    // SAFETY: a live schema holds a zero-terminated format string.
    unsafe { CStr::from_ptr(schema.0.format) }.to_string_lossy().into_owned()
}

fn stream(capsule: &Bound<'_, PyAny>) -> PyResult<Chunks> {
    let mut stream: Owned<ArrowArrayStream> = Owned::take(capsule, c"arrow_array_stream")?;
    let mut schema = Owned::<ArrowSchema>::empty();
    let get_schema = stream.0.get_schema;
    fill(&mut stream, get_schema, &mut schema)?;
    let mut chunks = Vec::new();
    loop {
        let mut array = Owned::<ArrowArray>::empty();
        let get_next = stream.0.get_next;
        fill(&mut stream, get_next, &mut array)?;
        if array.0.is_released() {
            return Ok(Chunks { format: format_of(&schema), chunks });
        }
        chunks.push(Chunk { array });
    }
}

type Getter<T> = unsafe extern "C" fn(*mut ArrowArrayStream, *mut T) -> c_int;

fn fill<T: Handed>(
    stream: &mut Owned<ArrowArrayStream>,
    getter: Option<Getter<T>>,
    target: &mut Owned<T>,
) -> PyResult<()> {
    let getter = getter.ok_or_else(|| PyValueError::new_err("the Arrow stream is incomplete"))?;
    // SAFETY: the stream is live and ours; the callback fills the empty struct or returns an error.
    let code = unsafe { getter(&mut stream.0, &mut target.0) };
    if code == 0 { Ok(()) } else { Err(PyValueError::new_err(format!("the Arrow stream failed ({code})"))) }
}
