//! JSON as Python's `json.dumps` writes it. What Patroni wrote and what we
//! write back must not differ in a byte: it compares texts, and so do operators.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;

/// Deepest nesting of a value, written or read: far above any real one, and
/// far below what a parser's stack holds.
pub(super) const DEPTH_MAX: usize = 32;

/// Without any space: `separators=(",", ":")`.
pub(super) fn compact<T: Serialize + ?Sized>(value: &T) -> Result<String, String> {
    write(value, Python { space: "" })
}

/// With the spaces that Python writes by default: `["a", "b"]`.
pub(super) fn spaced<T: Serialize + ?Sized>(value: &T) -> Result<String, String> {
    write(value, Python { space: " " })
}

/// How deep the arrays and objects of a JSON text nest.
pub(super) fn depth(text: &str) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// Says what is wrong with a text that nests too deeply.
pub(super) fn refuse_depth(text: &str) -> Result<(), String> {
    let found = depth(text);
    if found > DEPTH_MAX {
        return Err(format!(
            "it nests {found} levels deep, {DEPTH_MAX} are allowed"
        ));
    }
    Ok(())
}

/// Says which whole number of a JSON text has more than 64 bits. Python's may,
/// and here it would become a float, which is another number once written.
pub(super) fn refuse_wide(text: &str) -> Result<(), String> {
    let (mut in_string, mut escaped) = (false, false);
    let ends_a_number = |c: char| {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' => in_string = !in_string,
            _ => {}
        }
        in_string || !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E')
    };
    let fits = |number: &str| number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
    let is_whole = |number: &str| {
        let digits = number.strip_prefix('-').unwrap_or(number);
        !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit())
    };
    let mut numbers = text.split(ends_a_number);
    match numbers.find(|number| is_whole(number) && !fits(number)) {
        None => Ok(()),
        Some(number) => Err(format!(
            "the number {} has more than 64 bits and would not be kept",
            number.get(..40).unwrap_or(number)
        )),
    }
}

fn write<T: Serialize + ?Sized>(value: &T, format: Python) -> Result<String, String> {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, format);
    value
        .serialize(&mut serializer)
        .map_err(|why| why.to_string())?;
    let text = String::from_utf8(bytes).map_err(|why| why.to_string())?;
    refuse_depth(&text)?;
    Ok(text)
}

struct Python {
    /// What follows a comma and a colon.
    space: &'static str,
}

impl Python {
    fn begin<W: Write + ?Sized>(&self, writer: &mut W, first: bool) -> io::Result<()> {
        if first {
            return Ok(());
        }
        write!(writer, ",{}", self.space)
    }
}

impl Formatter for Python {
    fn begin_array_value<W: Write + ?Sized>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.begin(w, first)
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, w: &mut W, first: bool) -> io::Result<()> {
        self.begin(w, first)
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, w: &mut W) -> io::Result<()> {
        write!(w, ":{}", self.space)
    }

    /// `ensure_ascii`: DEL and all beyond as UTF-16 units. What stands below a
    /// space was escaped before, in the same way as Python's.
    fn write_string_fragment<W: Write + ?Sized>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut units = [0; 2];
        let mut plain = 0;
        let is_escaped = |(_, c): &(usize, char)| !(' '..='~').contains(c);
        for (at, c) in fragment.char_indices().filter(is_escaped) {
            writer.write_all(&fragment.as_bytes()[plain..at])?;
            for unit in c.encode_utf16(&mut units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            plain = at + c.len_utf8();
        }
        writer.write_all(&fragment.as_bytes()[plain..])
    }

    fn write_f64<W: Write + ?Sized>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        writer.write_all(repr(value).as_bytes())
    }
}

/// The shortest text that is read as this number, as Python's `repr`: with an
/// exponent below 1e-4 and from 1e16 on, and never without a fraction otherwise.
fn repr(value: f64) -> String {
    let scientific = format!("{value:e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific;
    };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..16).contains(&exponent) {
        return format!("{value:?}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn what_is_not_printable_ascii_is_escaped_as_in_python() {
        for (text, written) in [
            ("\u{e9}", r#""\u00e9""#),
            ("a\u{1f600}b", r#""a\ud83d\ude00b""#),
            ("\u{7f}", r#""\u007f""#),
            ("\u{ffff}\u{10ffff}", r#""\uffff\udbff\udfff""#),
            (
                "\u{0}\u{1f}\u{8}\u{c}\n\r\t\"\\/",
                r#""\u0000\u001f\b\f\n\r\t\"\\/""#,
            ),
            ("az AZ09~", r#""az AZ09~""#),
        ] {
            assert_eq!(compact(text).unwrap(), written, "{text:?}");
        }
        let key = json!({"\u{e9}": 1});
        assert_eq!(compact(&key).unwrap(), r#"{"\u00e9":1}"#);
    }

    #[test]
    fn numbers_are_written_as_in_python() {
        for (number, written) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e16, "1e+16"),
            (1e15, "1000000000000000.0"),
            (123_456_789_012_345_678.0, "1.2345678901234568e+17"),
            (1e-4, "0.0001"),
            (1e-5, "1e-05"),
            (1.5e-7, "1.5e-07"),
            (-0.0, "-0.0"),
            (f64::MAX, "1.7976931348623157e+308"),
            (5e-324, "5e-324"),
            (-12_345.678, "-12345.678"),
        ] {
            assert_eq!(compact(&number).unwrap(), written);
        }
        let whole = json!([0, -1, u64::MAX, i64::MIN]);
        let written = "[0,-1,18446744073709551615,-9223372036854775808]";
        assert_eq!(compact(&whole).unwrap(), written);
    }

    #[test]
    fn the_two_ways_differ_in_spaces_only() {
        let value = json!({"a": [1, {"b": null}], "c": {}, "d": [], "e": true});
        let text = r#"{"a":[1,{"b":null}],"c":{},"d":[],"e":true}"#;
        assert_eq!(compact(&value).unwrap(), text);
        let text = r#"{"a": [1, {"b": null}], "c": {}, "d": [], "e": true}"#;
        assert_eq!(spaced(&value).unwrap(), text);
    }

    #[test]
    fn a_value_that_nests_too_deeply_is_neither_written_nor_read() {
        let nested = |levels: usize| {
            let inner = Value::from("[{\"\\");
            (0..levels).fold(inner, |inner, _| json!([inner]))
        };
        let text = compact(&nested(DEPTH_MAX)).unwrap();
        assert_eq!(depth(&text), DEPTH_MAX, "{text}");
        // A quote that is escaped ends no string.
        assert_eq!(depth(r#"["\"[[{", "\\", []]"#), 2);
        let why = compact(&nested(DEPTH_MAX + 1)).unwrap_err();
        assert!(why.contains("33 levels") && why.contains("32"), "{why}");
        assert!(refuse_depth(&"[".repeat(1_000_000)).is_err());
    }
}
