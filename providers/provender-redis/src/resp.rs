//! Commands as bytes.

/// Appends the head of a command of so many words.
pub(crate) fn words(out: &mut Vec<u8>, count: usize) {
    number(out, b'*', count);
}

/// Appends a word.
pub(crate) fn word(out: &mut Vec<u8>, word: &[u8]) {
    number(out, b'$', word.len());
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

/// Appends the length of a word that follows.
pub(crate) fn word_length(out: &mut Vec<u8>, len: usize) {
    number(out, b'$', len);
}

/// Appends a whole command.
pub(crate) fn command(out: &mut Vec<u8>, command: &[&str]) {
    words(out, command.len());
    command.iter().for_each(|w| word(out, w.as_bytes()));
}

fn number(out: &mut Vec<u8>, kind: u8, number: usize) {
    out.push(kind);
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    out.extend_from_slice(b"\r\n");
}
