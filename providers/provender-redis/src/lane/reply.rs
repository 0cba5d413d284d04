//! Replies, token by token, where they were received.

/// A reply or the beginning of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply<'a> {
    /// `+OK` and the like.
    Status(&'a [u8]),
    /// The text of an error.
    Error(&'a [u8]),
    /// A number.
    Number(i64),
    /// A value.
    Value(&'a [u8]),
    /// No value, or no array.
    Nil,
    /// So many replies follow.
    Array(usize),
}

/// Bytes that are no reply. The connection is of no more use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Garbled;

/// Replies that have all come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Replies<'a>(pub(super) &'a [u8]);

impl<'a> Replies<'a> {
    /// None at all.
    pub(crate) fn none() -> Self {
        Self(&[])
    }

    /// The next token.
    pub(crate) fn next(&mut self) -> Result<Reply<'a>, Garbled> {
        match token(self.0)? {
            Some((reply, len)) => {
                self.0 = &self.0[len..];
                Ok(reply)
            }
            None => Err(Garbled),
        }
    }

    /// Passes over the reply to `ASKING`, where there is one.
    pub(crate) fn skip(&mut self, asking: bool) -> Result<(), Garbled> {
        if asking { self.next().map(drop) } else { Ok(()) }
    }

    /// The next value of an array, `None` for nil.
    pub(crate) fn value(&mut self) -> Result<Option<&'a [u8]>, Garbled> {
        match self.next()? {
            Reply::Value(value) => Ok(Some(value)),
            Reply::Nil => Ok(None),
            _ => Err(Garbled),
        }
    }
}

/// How much of the replies to one exchange has come.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Bytes of whole tokens.
    pub(super) len: usize,
    /// Tokens that are still to come, as far as is known.
    missing: usize,
}

impl Progress {
    pub(super) fn new(replies: usize) -> Self {
        Self { len: 0, missing: replies }
    }

    /// Whether all replies are there; `bytes` grow from call to call.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<bool, Garbled> {
        while self.missing > 0 {
            let Some((reply, len)) = token(&bytes[self.len..])? else { return Ok(false) };
            self.len += len;
            self.missing -= 1;
            if let Reply::Array(more) = reply {
                self.missing += more;
            }
        }
        Ok(true)
    }
}

/// The token that bytes begin with, and its length; `None` if it is not all there.
fn token(bytes: &[u8]) -> Result<Option<(Reply<'_>, usize)>, Garbled> {
    let Some(end) = bytes.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let (line, after) = (&bytes[1.min(end)..end], end + 2);
    Ok(Some(match bytes[0] {
        b'+' => (Reply::Status(line), after),
        b'-' => (Reply::Error(line), after),
        b':' => (Reply::Number(number(line)?), after),
        b'*' => match number(line)? {
            -1 => (Reply::Nil, after),
            count => (Reply::Array(usize::try_from(count).map_err(|_| Garbled)?), after),
        },
        b'$' => match number(line)? {
            -1 => (Reply::Nil, after),
            len => {
                let len = u32::try_from(len).map_err(|_| Garbled)? as usize;
                match bytes.get(after..after + len + 2) {
                    None => return Ok(None),
                    Some(value) if value.ends_with(b"\r\n") => (Reply::Value(&value[..len]), after + len + 2),
                    Some(_) => return Err(Garbled),
                }
            }
        },
        _ => return Err(Garbled),
    }))
}

fn number(digits: &[u8]) -> Result<i64, Garbled> {
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).ok_or(Garbled)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: &[u8] = b"+OK\r\n*3\r\n$3\r\na\r\n\r\n$-1\r\n:-7\r\n*-1\r\n-ERR no\r\n*0\r\n$0\r\n\r\n";

    #[test]
    fn replies_are_read_where_they_lie() {
        let mut replies = Replies(ALL);
        for expected in [
            Reply::Status(b"OK"),
            Reply::Array(3),
            Reply::Value(b"a\r\n"),
            Reply::Nil,
            Reply::Number(-7),
            Reply::Nil,
            Reply::Error(b"ERR no"),
            Reply::Array(0),
            Reply::Value(b""),
        ] {
            assert_eq!(replies.next(), Ok(expected));
        }
        assert_eq!(replies.next(), Err(Garbled));
    }

    #[test]
    fn all_replies_are_there_when_the_last_byte_is() {
        let mut progress = Progress::new(6);
        for len in 0..ALL.len() {
            assert_eq!(progress.feed(&ALL[..len]), Ok(false), "{len}");
        }
        assert_eq!(progress.feed(ALL), Ok(true));
        assert_eq!(progress.len, ALL.len());
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for bytes in
            [&b"x\r\n"[..], b"\r\n", b":a\r\n", b"$-2\r\n", b"*-2\r\n", b"$1\r\nabc\r\n", b"$99999999999\r\n"]
        {
            assert_eq!(Progress::new(1).feed(bytes), Err(Garbled), "{bytes:?}");
        }
    }
}
