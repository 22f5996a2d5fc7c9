//! Unfold: an element of XML that goes over several lines becomes one line.

/// Turns newlines inside of markup into blanks, which XML takes them for; as many bytes come out as went in. It holds nothing but
/// blanks.
///
/// Where an element is cut off and another begins on the next line, that stays the next line: a `<` cannot stand in an element.
#[derive(Debug, Default)]
pub struct Unfold {
    state: State,
    /// The bytes behind the last `<`, as far as they say what begins there.
    begun: Vec<u8>,
    /// The last two bytes.
    last: [u8; 2],
    /// A newline inside of an element, and blanks behind it.
    held: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    Tag,
    Quote(u8),
    /// A comment or verbatim text, up to these two bytes and a `>`.
    Until([u8; 2]),
}

/// So many blanks are held at most; with more, a line would be too long.
const HELD: usize = crate::parse::LONGEST_LINE;

impl Unfold {
    /// The next block; what comes of it is added to `out`.
    pub fn push(&mut self, block: &[u8], out: &mut Vec<u8>) {
        out.reserve(block.len());
        for &byte in block {
            let blank = matches!(byte, b' ' | b'\t' | b'\r');
            let inside = matches!(self.state, State::Tag | State::Quote(_));
            if inside && (byte == b'\n' || (blank && !self.held.is_empty())) && self.held.len() < HELD {
                self.held.push(byte);
            } else {
                if !self.held.is_empty() {
                    self.release(byte == b'<', out);
                }
                let is_hidden = byte == b'\n' && self.state != State::Text;
                out.push(if is_hidden { b' ' } else { byte });
                self.step(byte);
            }
            self.last = [self.last[1], byte];
        }
    }

    /// The text is over, or goes on behind a hole.
    pub fn end(&mut self, out: &mut Vec<u8>) {
        self.release(true, out);
        *self = Unfold::default();
    }

    /// Gives back what was held, newlines as they are or as blanks.
    fn release(&mut self, newlines: bool, out: &mut Vec<u8>) {
        out.extend(self.held.drain(..).map(|byte| if byte == b'\n' && !newlines { b' ' } else { byte }));
    }

    fn step(&mut self, byte: u8) {
        self.state = match (self.state, byte) {
            (State::Until(end), b'>') if end == self.last => State::Text,
            (State::Until(end), _) => State::Until(end),
            (_, b'<') => {
                self.begun.clear();
                State::Tag
            }
            (State::Tag, b'>') => State::Text,
            (State::Tag, b'"' | b'\'') => State::Quote(byte),
            (State::Quote(quote), _) if quote == byte => State::Tag,
            (state, _) => state,
        };
        if self.state == State::Tag && byte != b'<' && self.begun.len() < 8 {
            self.begun.push(byte);
            match self.begun.as_slice() {
                b"!--" => self.state = State::Until(*b"--"),
                b"![CDATA[" => self.state = State::Until(*b"]]"),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Unfold;

    #[test]
    fn elements_become_lines() {
        for (text, unfolded) in [
            ("<a/>\n<b/>\n", "<a/>\n<b/>\n"),
            ("<a x='1'\n  y='2'/>\n<b/>", "<a x='1'   y='2'/>\n<b/>"),
            ("<a x='1\n>2'/>\nx\n", "<a x='1 >2'/>\nx\n"),
            ("<a x=\"1\n  \r\n<b/>\n", "<a x=\"1\n  \r\n<b/>\n"),
            ("<a\n\n<b\n/>", "<a\n\n<b />"),
            ("<!-- a\n<b/>\n--->\n<c/>", "<!-- a <b/> --->\n<c/>"),
            ("<![CDATA[\n<b/>\n]]>\n", "<![CDATA[ <b/> ]]>\n"),
            ("<a>\n<b>x\n</b></a>\n", "<a>\n<b>x\n</b></a>\n"),
            ("<a\n", "<a\n"),
            ("no markup\n\"\n", "no markup\n\"\n"),
        ] {
            for cut in 0..=text.len() {
                let (mut unfold, mut out) = (Unfold::default(), Vec::new());
                let (before, behind) = text.as_bytes().split_at(cut);
                unfold.push(before, &mut out);
                unfold.push(behind, &mut out);
                unfold.end(&mut out);
                assert_eq!(String::from_utf8_lossy(&out), unfolded, "{text:?} cut at {cut}");
                assert_eq!(out.len(), text.len());
            }
        }
    }

    #[test]
    fn what_is_held_is_bounded() {
        let (mut unfold, mut out) = (Unfold::default(), Vec::new());
        let block = [&b"<a"[..], &[b'\n'; 300_000]].concat();
        unfold.push(&block, &mut out);
        assert!(out.len() > 200_000);
        unfold.end(&mut out);
        assert_eq!(out.len(), block.len());
    }
}
