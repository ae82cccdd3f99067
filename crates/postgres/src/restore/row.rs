//! Rows as `COPY` text lines. Both sides of a restore, the capture and the live table, are read as `COPY` text under one
//! session preamble, so two fields are the same value exactly when their escaped bytes are the same. Rows are therefore
//! compared, keyed and written back without being decoded; decoding is for query parameters and for people.

use super::Error;
use std::fmt;

/// Longest line that is read, in bytes: PostgreSQL's own limit for a field is 1 GiB, a row of a wedding is far below.
pub const MAX_LINE_BYTES: usize = 256 << 20;

/// A `COPY` text line without its newline: fields separated by tabs, escaped as the server escapes them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Line(Box<[u8]>);

/// What identifies a row within its table: the escaped key fields, joined by tabs.
pub type Key = Line;

/// The escaped form of NULL.
pub const NULL: &[u8] = b"\\N";

impl Line {
    /// A line of these bytes, as they came from the server.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// A line of fields that are escaped already.
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut bytes = Vec::new();
        for (index, field) in fields.into_iter().enumerate() {
            if index > 0 {
                bytes.push(b'\t');
            }
            bytes.extend_from_slice(field);
        }
        Self(bytes.into())
    }

    /// The bytes, escaped.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The fields, escaped. An empty line is one empty field, as in a table of one column.
    pub fn fields(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'\t')
    }

    /// The fields in a list, for access by position.
    pub fn split(&self) -> Vec<&[u8]> {
        self.fields().collect()
    }

    /// The line of the fields at `positions`, in that order. A position beyond the line gives NULL; callers check
    /// [`width`](Self::width) when they read.
    pub fn project(&self, positions: &[usize]) -> Self {
        let fields = self.split();
        Self::from_fields(positions.iter().map(|position| fields.get(*position).copied().unwrap_or(NULL)))
    }

    /// Number of fields.
    pub fn width(&self) -> usize {
        self.fields().count()
    }

    /// The fields as values, `None` for NULL.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if an escape is malformed or the text is no UTF-8.
    pub fn values(&self) -> Result<Vec<Option<String>>, Error> {
        self.fields().map(decode).collect()
    }

    /// Whether any field is NULL.
    pub fn has_null(&self) -> bool {
        self.fields().any(|field| field == NULL)
    }
}

impl fmt::Debug for Line {
    /// The size only: rows hold personal data, and debug output ends up in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Line({} bytes)", self.0.len())
    }
}

/// One escaped field as a value.
///
/// # Errors
/// [`Error::Corrupt`] if an escape is malformed or the text is no UTF-8.
pub fn decode(field: &[u8]) -> Result<Option<String>, Error> {
    if field == NULL {
        return Ok(None);
    }
    let mut plain = Vec::with_capacity(field.len());
    let mut bytes = field.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        let escaped = bytes.next().ok_or_else(|| corrupt("a field ends inside an escape"))?;
        plain.push(match escaped {
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            b'x' => {
                let digits = take_digits(&mut bytes, 16, 2, 0);
                digits.ok_or_else(|| corrupt("a field has \\x without digits"))?
            }
            b'0'..=b'7' => {
                take_digits(&mut bytes, 8, 2, u32::from(escaped - b'0')).ok_or_else(|| corrupt("a bad octal escape"))?
            }
            other => other,
        });
    }
    String::from_utf8(plain).map(Some).map_err(|_| corrupt("a field is no UTF-8"))
}

/// Up to `most` digits of a numeric escape, after what `start` says was read. `None` without any digit of a hex escape.
fn take_digits(
    bytes: &mut std::iter::Peekable<impl Iterator<Item = u8>>,
    radix: u32,
    most: usize,
    start: u32,
) -> Option<u8> {
    let (mut value, mut read) = (start, 0);
    while read < most {
        let Some(digit) = bytes.peek().and_then(|byte| char::from(*byte).to_digit(radix)) else { break };
        value = value * radix + digit;
        read += 1;
        let _consumed = bytes.next();
    }
    // Octal escapes may overflow a byte; the server keeps the low eight bits.
    (read > 0 || radix == 8).then(|| u8::try_from(value & 0xff).unwrap_or_default())
}

/// A value as an escaped field.
pub fn encode(value: Option<&str>) -> Vec<u8> {
    let Some(value) = value else { return NULL.to_vec() };
    let mut field = Vec::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            8 => field.extend_from_slice(b"\\b"),
            b'\t' => field.extend_from_slice(b"\\t"),
            b'\n' => field.extend_from_slice(b"\\n"),
            11 => field.extend_from_slice(b"\\v"),
            12 => field.extend_from_slice(b"\\f"),
            b'\r' => field.extend_from_slice(b"\\r"),
            b'\\' => field.extend_from_slice(b"\\\\"),
            other => field.push(other),
        }
    }
    field
}

fn corrupt(what: &str) -> Error {
    Error::Corrupt { path: String::new(), reason: what.to_owned() }
}

/// Cuts a byte stream into lines, bounded.
#[derive(Debug, Default)]
pub struct Lines {
    partial: Vec<u8>,
}

impl Lines {
    /// Hands every line that `chunk` completes to `take`.
    ///
    /// # Errors
    /// Those of `take`, and [`Error::Corrupt`] for a line beyond [`MAX_LINE_BYTES`].
    pub fn push(&mut self, chunk: &[u8], mut take: impl FnMut(Line) -> Result<(), Error>) -> Result<(), Error> {
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (line, after) = rest.split_at(end);
            if self.partial.is_empty() {
                take(Line::new(line))?;
            } else {
                self.partial.extend_from_slice(line);
                take(Line::new(std::mem::take(&mut self.partial)))?;
            }
            rest = after.get(1..).unwrap_or_default();
        }
        self.partial.extend_from_slice(rest);
        if self.partial.len() > MAX_LINE_BYTES {
            return Err(corrupt("a row is longer than 256 MiB"));
        }
        Ok(())
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// [`Error::Corrupt`] if the last line has no newline: the file was cut off.
    pub fn finish(self) -> Result<(), Error> {
        if self.partial.is_empty() { Ok(()) } else { Err(corrupt("the last row is cut off")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escapes_decode_as_the_server_reads_them() {
        for (field, value) in [
            (&b"plain"[..], Some("plain")),
            (b"\\N", None),
            (b"", Some("")),
            (b"a\\tb\\nc\\\\d", Some("a\tb\nc\\d")),
            (b"\\x41\\101\\.", Some("AA.")),
            (b"\\x4g", Some("\u{4}g")),
        ] {
            assert_eq!(decode(field).unwrap().as_deref(), value);
        }
        for bad in [&b"ends\\"[..], b"\\xzz", b"\xff\xfe"] {
            assert!(decode(bad).is_err());
        }
    }

    #[test]
    fn lines_are_cut_across_chunks_and_a_cut_off_one_is_an_error() {
        let mut lines = Lines::default();
        let mut seen = Vec::new();
        for chunk in [&b"one\ntw"[..], b"o\n\nfour", b"\n"] {
            lines
                .push(chunk, |line| {
                    seen.push(line);
                    Ok(())
                })
                .unwrap();
        }
        lines.finish().unwrap();
        assert_eq!(seen, ["one", "two", "", "four"].map(|text| Line::new(text.as_bytes())));
        let mut cut = Lines::default();
        cut.push(b"whole\nhalf", |_| Ok(())).unwrap();
        assert!(cut.finish().is_err());
    }

    #[test]
    fn rows_never_show_in_debug_output() {
        assert_eq!(format!("{:?}", Line::new(&b"Aunt May"[..])), "Line(8 bytes)");
    }

    proptest! {
        #[test]
        fn values_round_trip(values in proptest::collection::vec(proptest::option::of("\\PC*[\t\n\r\\\\]?\\PC*"), 1..6)) {
            let fields: Vec<Vec<u8>> = values.iter().map(|value| encode(value.as_deref())).collect();
            let line = Line::from_fields(fields.iter().map(Vec::as_slice));
            prop_assert_eq!(line.width(), values.len());
            prop_assert_eq!(line.values().unwrap(), values);
        }

        #[test]
        fn decoding_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _any_outcome = Line::new(bytes).values();
        }
    }
}
