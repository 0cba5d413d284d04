//! A request for online features in one pass over its bytes, for the shape that clients send. Names and texts stay where they are in the body.
//!
//! Whatever is wrong, or merely unusual (escapes, numbers other than whole ones, repeated or unknown fields), is left to the form, which alone decides
//! what is answered then.

use super::{Asked, Columns};
use provender_engine::{EntityValue, FeaturesRef};
use std::borrow::Cow;

/// Entity columns that are compared with each other for repeated names.
const MOST_COLUMNS: usize = 32;
/// Digits of a number that certainly fits.
const MOST_DIGITS: usize = 18;

/// Reads a body of at most `limit` entity rows; `None` if it is not of the usual shape.
pub(super) fn read(body: &[u8], limit: usize) -> Option<Asked<'_>> {
    let mut scanner = Scanner { text: std::str::from_utf8(body).ok()?, at: 0 };
    let mut fields = Fields::default();
    scanner.object(|scanner, name| fields.read(scanner, name, limit))?;
    scanner.end()?;
    let service = fields.service.flatten().filter(|name| !name.is_empty());
    let features = match service {
        Some(name) => FeaturesRef::Service(Cow::Borrowed(name)),
        None => FeaturesRef::List(fields.features.unwrap_or_default()),
    };
    Some(Asked {
        features,
        entities: fields.entities?,
        full_feature_names: fields.full_feature_names.unwrap_or_default(),
    })
}

/// The fields of a request, as far as they were there.
#[derive(Default)]
struct Fields<'a> {
    features: Option<Vec<Cow<'a, str>>>,
    service: Option<Option<&'a str>>,
    entities: Option<Columns<'a>>,
    full_feature_names: Option<bool>,
    versions: Option<bool>,
}

impl<'a> Fields<'a> {
    fn read(&mut self, scanner: &mut Scanner<'a>, name: &str, limit: usize) -> Option<()> {
        match name {
            "features" => once(&mut self.features, scanner.texts()?),
            "feature_service" => {
                let service = if scanner.next()? == b'n' {
                    scanner.word("null").map(|()| None)?
                } else {
                    Some(scanner.text()?)
                };
                once(&mut self.service, service)
            }
            "entities" => once(&mut self.entities, columns(scanner, limit)?),
            "full_feature_names" => once(&mut self.full_feature_names, scanner.truth()?),
            "include_feature_view_version_metadata" => once(&mut self.versions, scanner.truth()?),
            _ => None,
        }
    }
}

/// Of a repeated field the form knows which one counts.
fn once<T>(field: &mut Option<T>, value: T) -> Option<()> {
    field.replace(value).is_none().then_some(())
}

fn columns<'a>(scanner: &mut Scanner<'a>, limit: usize) -> Option<Columns<'a>> {
    let mut columns: Columns<'a> = Vec::with_capacity(1);
    scanner.object(|scanner, name| {
        if columns.len() == MOST_COLUMNS || columns.iter().any(|(known, _)| known == name) {
            return None;
        }
        columns.push((Cow::Borrowed(name), scanner.values(limit)?));
        Some(())
    })?;
    Some(columns)
}

/// A place in a text of JSON. Every method leaves it behind what it has read, and answers `None` where something else stands.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// The next byte that is not white space; it stays the next.
    #[inline]
    fn next(&mut self) -> Option<u8> {
        loop {
            match *self.text.as_bytes().get(self.at)? {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return Some(byte),
            }
        }
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    fn end(&mut self) -> Option<()> {
        self.next().is_none().then_some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.next()?;
        self.text.as_bytes()[self.at..].starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    fn truth(&mut self) -> Option<bool> {
        match self.next()? {
            b't' => self.word("true").map(|()| true),
            b'f' => self.word("false").map(|()| false),
            _ => None,
        }
    }

    /// A text without escapes.
    fn text(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let rest = &self.text.as_bytes()[self.at..];
        let length = rest.iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\'))?;
        if rest[length] != b'"' {
            return None;
        }
        let text = self.text.get(self.at..self.at + length)?;
        self.at += length + 1;
        Some(text)
    }

    /// A whole number that is surely one of 64 bits.
    fn number(&mut self) -> Option<i64> {
        let rest = &self.text.as_bytes()[self.at..];
        let (sign, digits) = match rest {
            [b'-', digits @ ..] => (-1, digits),
            digits => (1, digits),
        };
        let mut number = 0;
        let mut length = 0;
        while let Some(digit) = digits.get(length).filter(|byte| byte.is_ascii_digit()) {
            if length == MOST_DIGITS {
                return None;
            }
            number = number * 10 + i64::from(digit - b'0');
            length += 1;
        }
        // JSON has no zeros before a number, and minus zero is a fraction
        if length == 0 || digits[0] == b'0' && (length > 1 || sign < 0) {
            return None;
        }
        self.at += length + usize::from(sign < 0);
        Some(sign * number)
    }

    fn value(&mut self) -> Option<EntityValue<'a>> {
        Some(match self.next()? {
            b'"' => EntityValue::Text(Cow::Borrowed(self.text()?)),
            b't' | b'f' => EntityValue::Bool(self.truth()?),
            b'n' => self.word("null").map(|()| EntityValue::Null)?,
            _ => EntityValue::Int(self.number()?),
        })
    }

    fn values(&mut self, limit: usize) -> Option<Vec<EntityValue<'a>>> {
        let left = self.text.len() - self.at;
        let mut values = Vec::with_capacity((left / 5).clamp(1, 128));
        self.list(|scanner| {
            if values.len() == limit {
                return None;
            }
            values.push(scanner.value()?);
            Some(())
        })?;
        Some(values)
    }

    fn texts(&mut self) -> Option<Vec<Cow<'a, str>>> {
        let mut texts = Vec::new();
        self.list(|scanner| {
            texts.push(Cow::Borrowed(scanner.text()?));
            Some(())
        })?;
        Some(texts)
    }

    #[inline]
    fn list(&mut self, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.take(b'[')?;
        if self.next()? == b']' {
            return self.take(b']');
        }
        loop {
            item(self)?;
            match self.next()? {
                b',' => self.at += 1,
                _ => return self.take(b']'),
            }
        }
    }

    fn object(&mut self, mut field: impl FnMut(&mut Self, &'a str) -> Option<()>) -> Option<()> {
        self.take(b'{')?;
        if self.next()? == b'}' {
            return self.take(b'}');
        }
        loop {
            let name = self.text()?;
            self.take(b':')?;
            field(self, name)?;
            match self.next()? {
                b',' => self.at += 1,
                _ => return self.take(b'}'),
            }
        }
    }
}
