//! Reading the fields of a COPY text line, as far as a capture must: whole rows pass through untouched.

use std::borrow::Cow;

/// The raw fields of a line without its newline. A tab inside a value is written as an escape, so tabs only separate.
pub(super) fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| *byte == b'\t')
}

/// Splits a line before its first field and after its field number `count` (both counted without the first):
/// `(first, the next count fields as one slice, the rest)`.
pub(super) fn cut(line: &[u8], count: usize) -> Option<(&[u8], &[u8], &[u8])> {
    let tabs = line.iter().enumerate().filter(|(_, byte)| **byte == b'\t').map(|(at, _)| at);
    let mut tabs = tabs.chain([line.len()]);
    let first = tabs.next()?;
    if count == 0 {
        return Some((line.get(..first)?, &[], line.get(first + 1..).unwrap_or_default()));
    }
    let end = tabs.nth(count - 1)?;
    Some((line.get(..first)?, line.get(first + 1..end)?, line.get(end + 1..).unwrap_or_default()))
}

/// The value of a raw field; `None` for NULL.
pub(super) fn value(field: &[u8]) -> Option<Cow<'_, str>> {
    if field == b"\\N" {
        return None;
    }
    if !field.contains(&b'\\') {
        return Some(String::from_utf8_lossy(field));
    }
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.iter();
    while let Some(byte) = rest.next() {
        let plain = match byte {
            b'\\' => match rest.next() {
                Some(b'b') => 8,
                Some(b't') => b'\t',
                Some(b'n') => b'\n',
                Some(b'v') => 11,
                Some(b'f') => 12,
                Some(b'r') => b'\r',
                Some(other) => *other,
                None => b'\\',
            },
            other => *other,
        };
        bytes.push(plain);
    }
    Some(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()))
}

/// A value as a raw field.
pub(super) fn escape(value: &str) -> String {
    let mut field = String::with_capacity(value.len());
    for char in value.chars() {
        match char {
            '\\' => field.push_str("\\\\"),
            '\n' => field.push_str("\\n"),
            '\r' => field.push_str("\\r"),
            '\t' => field.push_str("\\t"),
            '\u{8}' => field.push_str("\\b"),
            '\u{b}' => field.push_str("\\v"),
            '\u{c}' => field.push_str("\\f"),
            other => field.push(other),
        }
    }
    field
}

/// The elements of an array's text form, NULLs left out, of any number of dimensions. `None` if it is none.
pub(super) fn array(text: &str) -> Option<Vec<String>> {
    // Bounds may come first: `[0:1]={a,b}`.
    let text = if text.starts_with('[') { text.split_once('=')?.1 } else { text };
    let (mut elements, mut depth) = (Vec::new(), 0_u32);
    let mut chars = text.chars();
    let (mut element, mut quoted) = (String::new(), false);
    while let Some(char) = chars.next() {
        match char {
            '{' => depth += 1,
            '}' | ',' => {
                if !element.is_empty() || quoted {
                    if quoted || !element.eq_ignore_ascii_case("null") {
                        elements.push(std::mem::take(&mut element));
                    }
                    element.clear();
                    quoted = false;
                }
                if char == '}' {
                    depth = depth.checked_sub(1)?;
                }
            }
            '"' => {
                quoted = true;
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => element.push(chars.next()?),
                        char => element.push(char),
                    }
                }
            }
            '\\' => element.push(chars.next()?),
            char => element.push(char),
        }
        if depth == 0 && char != '}' {
            return None;
        }
    }
    (depth == 0 && text.starts_with('{')).then_some(elements)
}

/// The text form of a one-dimensional array of these values.
pub(super) fn array_literal<S: AsRef<str>>(values: impl IntoIterator<Item = S>) -> String {
    let mut text = String::from("{");
    for (n, value) in values.into_iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        text.push('"');
        text.push_str(&value.as_ref().replace('\\', "\\\\").replace('"', "\\\""));
        text.push('"');
    }
    text.push('}');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_are_cut_at_tabs() {
        assert_eq!(cut(b"o\ta\tb\tx\ty", 2), Some((&b"o"[..], &b"a\tb"[..], &b"x\ty"[..])));
        assert_eq!(cut(b"o\ta\tb", 2), Some((&b"o"[..], &b"a\tb"[..], &b""[..])));
        assert_eq!(cut(b"o\ta", 2), None);
        assert_eq!(cut(b"o", 0), Some((&b"o"[..], &b""[..], &b""[..])));
    }

    #[test]
    fn values_lose_their_escapes_and_null_is_none() {
        assert_eq!(value(br"\N"), None);
        assert_eq!(value(br"O\\Hara\t\n\r\b\f\v").unwrap(), "O\\Hara\t\n\r\u{8}\u{c}\u{b}");
        assert_eq!(value("Zoë".as_bytes()).unwrap(), "Zoë");
    }

    #[test]
    fn arrays_give_their_elements() {
        assert_eq!(array("{}").unwrap(), Vec::<String>::new());
        assert_eq!(array(r#"{a,"b c",NULL,"NULL","q\"\\"}"#).unwrap(), ["a", "b c", "NULL", "q\"\\"]);
        assert_eq!(array("{{a,b},{c,d}}").unwrap(), ["a", "b", "c", "d"]);
        assert_eq!(array("[0:1]={a,b}").unwrap(), ["a", "b"]);
        for bad in ["a,b", "{a", "a}", "", "{\"a", "}{"] {
            assert_eq!(array(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn fields_round_trip(value in "[\\PC\t\n\r\u{8}\\\\]{0,12}") {
            let field = escape(&value);
            prop_assert!(!field.contains(['\t', '\n']));
            if field != "\\N" {
                prop_assert_eq!(super::value(field.as_bytes()).unwrap(), value);
            }
        }

        #[test]
        fn array_literals_round_trip(values in proptest::collection::vec("\\PC{0,10}", 0..6)) {
            prop_assert_eq!(array(&array_literal(&values)), Some(values));
        }

        #[test]
        fn any_bytes_are_read_without_panic(line in any::<Vec<u8>>(), count in 0..5_usize) {
            let _cut = cut(&line, count);
            let _value = value(&line);
            let _array = array(&String::from_utf8_lossy(&line));
        }
    }
}
