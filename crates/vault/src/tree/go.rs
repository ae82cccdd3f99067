//! Texts as Go writes them: `strconv.Quote`, and the strings of `encoding/json`.

use super::printable::is_printable;

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `name` as restic stores names: what `strconv.Quote` makes of it, without its quotes, as a JSON string.
/// Bytes that are not UTF-8 survive.
pub(super) fn write_name(name: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in name.utf8_chunks() {
        for character in chunk.valid().chars() {
            write_name_character(character, out);
        }
        for byte in chunk.invalid() {
            // Every backslash of the quoted name is doubled by the JSON around it.
            out.extend_from_slice(b"\\\\x");
            push_hex(u32::from(*byte), 2, out);
        }
    }
    out.push(b'"');
}

fn write_name_character(character: char, out: &mut Vec<u8>) {
    let escape: &[u8] = match character {
        // Quoted as \" and \\, of which JSON escapes each character.
        '"' => b"\\\\\\\"",
        '\\' => b"\\\\\\\\",
        '\x07' => b"\\\\a",
        '\x08' => b"\\\\b",
        '\x0c' => b"\\\\f",
        '\n' => b"\\\\n",
        '\r' => b"\\\\r",
        '\t' => b"\\\\t",
        '\x0b' => b"\\\\v",
        _ if is_printable(character) => return write_character(character, out),
        _ => {
            let code = u32::from(character);
            let (mark, digits): (&[u8], _) = match code {
                0..0x20 | 0x7f => (b"\\\\x", 2),
                0x20..0x1_0000 => (b"\\\\u", 4),
                _ => (b"\\\\U", 8),
            };
            out.extend_from_slice(mark);
            return push_hex(code, digits, out);
        }
    };
    out.extend_from_slice(escape);
}

/// Appends a JSON string as Go's `encoding/json` writes it, HTML-safe. What is not UTF-8 becomes U+FFFD, byte by byte.
pub(super) fn write_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            write_character(character, out);
        }
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
    out.push(b'"');
}

fn write_character(character: char, out: &mut Vec<u8>) {
    let escape: &[u8] = match character {
        '"' => b"\\\"",
        '\\' => b"\\\\",
        '\x08' => b"\\b",
        '\x0c' => b"\\f",
        '\n' => b"\\n",
        '\r' => b"\\r",
        '\t' => b"\\t",
        '<' | '>' | '&' | '\0'..' ' | '\u{2028}' | '\u{2029}' => {
            out.extend_from_slice(b"\\u");
            return push_hex(u32::from(character), 4, out);
        }
        _ => {
            let mut utf8 = [0; 4];
            return out.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
        }
    };
    out.extend_from_slice(escape);
}

fn push_hex(code: u32, digits: u32, out: &mut Vec<u8>) {
    for place in (0..digits).rev() {
        let nibble = (code >> (4 * place) & 0xf) as usize;
        out.push(*HEX.get(nibble).unwrap_or(&b'0'));
    }
}

/// Undoes `strconv.Quote` on what stood between its quotes; `None` if that is no such text.
pub(super) fn unquote(text: &str) -> Option<Vec<u8>> {
    if !text.contains(['\\', '"', '\n']) {
        return Some(text.as_bytes().to_vec());
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(character) = rest.next() {
        match character {
            '"' | '\n' => return None,
            '\\' => unquote_escape(&mut rest, &mut out)?,
            _ => push_utf8(character, &mut out),
        }
    }
    Some(out)
}

fn unquote_escape(rest: &mut std::str::Chars<'_>, out: &mut Vec<u8>) -> Option<()> {
    let byte = match rest.next()? {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '"' => b'"',
        'x' => u8::try_from(number(rest, 2, 16, 0)?).ok()?,
        'u' => return char::from_u32(number(rest, 4, 16, 0)?).map(|character| push_utf8(character, out)),
        'U' => return char::from_u32(number(rest, 8, 16, 0)?).map(|character| push_utf8(character, out)),
        octal @ '0'..='7' => u8::try_from(number(rest, 2, 8, octal.to_digit(8)?)?).ok()?,
        _ => return None,
    };
    out.push(byte);
    Some(())
}

fn number(rest: &mut std::str::Chars<'_>, digits: usize, radix: u32, start: u32) -> Option<u32> {
    (0..digits).try_fold(start, |value, _| value.checked_mul(radix)?.checked_add(rest.next()?.to_digit(radix)?))
}

fn push_utf8(character: char, out: &mut Vec<u8>) {
    let mut utf8 = [0; 4];
    out.extend_from_slice(character.encode_utf8(&mut utf8).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(bytes: &[u8]) -> String {
        let mut out = Vec::new();
        write_name(bytes, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn names_are_quoted_then_escaped() {
        for (bytes, json) in [
            (b"guests.copy".as_slice(), r#""guests.copy""#),
            (b"a\nb\tc\x07\x0b\x00\x7f", r#""a\\nb\\tc\\a\\v\\x00\\x7f""#),
            (br#"say "hi" \o/"#, r#""say \\\"hi\\\" \\\\o/""#),
            (b"Tom & Jerry <3", r#""Tom \u0026 Jerry \u003c3""#),
            ("Zoë 漢 🎂".as_bytes(), r#""Zoë 漢 🎂""#),
            ("\u{2028}\u{a0}\u{2ebf0}\u{10ffff}".as_bytes(), r#""\\u2028\\u00a0\\U0002ebf0\\U0010ffff""#),
            (b"caf\xe9 \xf0\x9f", r#""caf\\xe9 \\xf0\\x9f""#),
        ] {
            assert_eq!(name(bytes), json);
        }
    }

    #[test]
    fn other_texts_are_escaped_once() {
        let mut out = Vec::new();
        write_string("a\u{8}\u{c}\n\r\t\u{1}\u{7f}\"\\<>&\u{2028}\u{2029}é".as_bytes(), &mut out);
        write_string(b"\xff\xf0\x9f", &mut out);
        let expected = concat!(
            r#""a\b\f\n\r\t\u0001"#,
            "\u{7f}",
            r#"\"\\\u003c\u003e\u0026\u2028\u2029é""#,
            r#""\ufffd\ufffd\ufffd""#
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn what_quote_cannot_have_written_is_refused() {
        for bad in ["\"", "\\", "\n", "\\q", "\\'", "\\x1", "\\xg0", "\\u12", "\\ud800", "\\U00110000", "\\400", "\\9"]
        {
            assert_eq!(unquote(bad), None, "{bad}");
        }
        assert_eq!(unquote("\\101\\x42\\u0043\\U00000044").unwrap(), b"ABCD");
    }

    proptest! {
        #[test]
        fn any_bytes_survive_as_a_name(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let json: String = serde_json::from_str(&name(&bytes)).unwrap();
            prop_assert_eq!(unquote(&json).unwrap(), bytes);
        }

        #[test]
        fn any_text_survives_as_a_name(text in ".{0,40}") {
            let json: String = serde_json::from_str(&name(text.as_bytes())).unwrap();
            prop_assert_eq!(unquote(&json).unwrap(), text.as_bytes());
        }

        #[test]
        fn unquoting_never_panics(text in ".{0,40}") {
            let _ = unquote(&text);
        }
    }
}
